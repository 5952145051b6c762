//! Rotation, outages and floods of unknown key ids.

use crate::fixture::world;
use secrecy::ExposeSecret;
use vigie_identity::tokens::{Realm, Signer, SigningKey, VerifyError};

#[tokio::test]
async fn many_at_once_share_one_fetch() {
    let world = world();
    let now = world.hands.now();
    let tokens: Vec<_> = (0..8)
        .map(|_| world.signer.access(&world.user(), now).unwrap())
        .collect();
    let all = tokens
        .iter()
        .map(|token| world.verifier.access(token.token.expose_secret()));
    for outcome in futures::future::join_all(all).await {
        assert!(outcome.is_ok());
    }
    assert_eq!(world.published.fetches(), 1);
}

#[tokio::test]
async fn a_new_key_is_fetched_once_it_signs() {
    let world = world();
    let old = world
        .signer
        .access(&world.user(), world.hands.now())
        .unwrap();
    assert!(
        world
            .verifier
            .access(old.token.expose_secret())
            .await
            .is_ok()
    );
    let next = SigningKey::generate().unwrap();
    world.published.set(&[&world.key, &next]);
    world.hands.forward(5);
    let signer = Signer::new(Realm::default(), &next);
    let new = signer.access(&world.user(), world.hands.now()).unwrap();
    assert!(
        world
            .verifier
            .access(new.token.expose_secret())
            .await
            .is_ok()
    );
    assert!(
        world
            .verifier
            .access(old.token.expose_secret())
            .await
            .is_ok()
    );
    assert_eq!(world.published.fetches(), 2);
}

#[tokio::test]
async fn forged_ids_ask_auth_at_most_every_five_seconds() {
    let world = world();
    let forger = SigningKey::generate().unwrap();
    let signer = Signer::new(Realm::default(), &forger);
    for _ in 0..20 {
        let token = signer.access(&world.user(), world.hands.now()).unwrap();
        let outcome = world.verifier.access(token.token.expose_secret()).await;
        assert!(matches!(outcome, Err(VerifyError::UnknownKey)));
    }
    assert_eq!(world.published.fetches(), 1);
    world.hands.forward(5);
    let token = signer.access(&world.user(), world.hands.now()).unwrap();
    assert!(
        world
            .verifier
            .access(token.token.expose_secret())
            .await
            .is_err()
    );
    assert_eq!(world.published.fetches(), 2);
}

#[tokio::test]
async fn the_cached_set_serves_while_auth_is_down() {
    let world = world();
    let first = world
        .signer
        .access(&world.user(), world.hands.now())
        .unwrap();
    assert!(
        world
            .verifier
            .access(first.token.expose_secret())
            .await
            .is_ok()
    );
    world.published.go_down();
    world.hands.forward(60);
    let second = world
        .signer
        .access(&world.user(), world.hands.now())
        .unwrap();
    assert!(
        world
            .verifier
            .access(second.token.expose_secret())
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn without_any_key_the_answer_is_not_a_refusal() {
    let world = world();
    world.published.go_down();
    let token = world
        .signer
        .access(&world.user(), world.hands.now())
        .unwrap();
    let outcome = world.verifier.access(token.token.expose_secret()).await;
    assert!(matches!(outcome, Err(VerifyError::Keys(_))));
    let outcome = world.verifier.access(token.token.expose_secret()).await;
    assert!(matches!(outcome, Err(VerifyError::Keys(_))));
    assert_eq!(
        world.published.fetches(),
        1,
        "callers do not queue for a source that is down"
    );
    world.published.set(&[&world.key]);
    world.hands.forward(1);
    assert!(
        world
            .verifier
            .access(token.token.expose_secret())
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn a_withdrawn_key_goes_away() {
    let world = world();
    let next = SigningKey::generate().unwrap();
    world.published.set(&[&world.key, &next]);
    let sign = || {
        world
            .signer
            .access(&world.user(), world.hands.now())
            .unwrap()
            .token
    };
    assert!(world.verifier.access(sign().expose_secret()).await.is_ok());
    world.published.set(&[&next]);
    world.hands.forward(299);
    assert!(world.verifier.access(sign().expose_secret()).await.is_ok());
    world.hands.forward(1);
    let outcome = world.verifier.access(sign().expose_secret()).await;
    assert!(matches!(outcome, Err(VerifyError::UnknownKey)));
}

#[tokio::test]
async fn a_withdrawn_key_takes_remembered_tokens_along() {
    let world = world();
    let next = SigningKey::generate().unwrap();
    let old = world
        .signer
        .access(&world.user(), world.hands.now())
        .unwrap();
    let old = old.token.expose_secret();
    assert!(world.verifier.access(old).await.is_ok());
    world.published.set(&[&next]);
    world.hands.forward(300);
    let outcome = world.verifier.access(old).await;
    assert!(matches!(outcome, Err(VerifyError::UnknownKey)));
}
