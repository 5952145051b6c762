//! Tokens that end before their time.

use crate::fixture::{World, world};
use chrono::TimeDelta;
use proptest::prelude::*;
use secrecy::ExposeSecret;
use vigie_events::auth::{PrincipalChange, PrincipalChanged};
use vigie_events::ids::UserId;
use vigie_identity::tokens::{ACCESS_MAX_SECONDS, VerifyError};
use vigie_identity::{Clock, Principal, PrincipalKind, Revocations};

fn change(user: i64, version: i64, sid: Option<&str>) -> PrincipalChanged {
    PrincipalChanged {
        user_id: UserId::new(user),
        version,
        sid: sid.map(str::to_owned),
        reason: PrincipalChange::Roles,
    }
}

/// The token of a user with this version and session.
fn token(world: &World, version: i64, sid: &str) -> String {
    let mut user = world.user();
    user.version = version;
    user.session = Some(sid.to_owned());
    let token = world.signer.access(&user, world.hands.now()).unwrap();
    token.token.expose_secret().to_owned()
}

#[tokio::test]
async fn a_remembered_token_ends_at_once() {
    let world = world();
    let (old, new) = (token(&world, 3, "a"), token(&world, 4, "b"));
    for token in [&old, &new] {
        assert!(world.verifier.access(token).await.is_ok());
    }
    world.revocations.note(&change(42, 4, None));
    let refused = world.verifier.access(&old).await;
    assert!(matches!(refused, Err(VerifyError::Revoked)));
    assert!(world.verifier.access(&new).await.is_ok());
    world.revocations.note(&change(42, 4, Some("b")));
    assert!(world.verifier.access(&new).await.is_err());
    assert!(world.verifier.access(&token(&world, 4, "c")).await.is_ok());
    // Late and repeated news change nothing.
    world.revocations.note(&change(42, 2, None));
    assert!(world.verifier.access(&old).await.is_err());
}

#[tokio::test]
async fn others_and_machines_go_on() {
    let world = world();
    let user = token(&world, 3, "a");
    let mut machine = world.user();
    machine.kind = PrincipalKind::Machine("42".to_owned());
    machine.session = None;
    machine.version = 0;
    let machine = world.signer.access(&machine, world.hands.now()).unwrap();
    world.revocations.note(&change(43, 9, None));
    assert!(world.verifier.access(&user).await.is_ok());
    world.revocations.note(&change(42, 9, None));
    assert!(world.verifier.access(&user).await.is_err());
    let machine = world.verifier.access(machine.token.expose_secret()).await;
    assert!(machine.is_ok());
}

#[test]
fn what_no_token_can_outlive_is_forgotten() {
    let world = world();
    let known = &world.revocations;
    known.note(&change(1, 2, None));
    known.note(&change(2, 2, Some("s")));
    world.hands.forward(ACCESS_MAX_SECONDS);
    known.note(&change(3, 2, None));
    assert_eq!(known.len(), 3, "a token could still live");
    world.hands.forward(120);
    known.note(&change(4, 2, None));
    assert_eq!(known.len(), 2);
    assert!(Revocations::horizon() > TimeDelta::seconds(ACCESS_MAX_SECONDS));
}

proptest! {
    #[test]
    fn order_does_not_matter(
        mut changes in proptest::collection::vec((1..4i64, 0..5i64, proptest::option::of("[ab]")), 0..12),
        user in 1..4i64, version in 0..6i64, sid in "[abc]",
    ) {
        let principal = Principal {
            kind: PrincipalKind::User(UserId::new(user)),
            session: Some(sid.clone()),
            version,
            ..crate::fixture::user(chrono::DateTime::UNIX_EPOCH)
        };
        let ended = |changes: &[(i64, i64, Option<String>)]| {
            let known = Revocations::new(Clock::fixed(chrono::DateTime::UNIX_EPOCH));
            for (user, version, sid) in changes {
                known.note(&change(*user, *version, sid.as_deref()));
            }
            known.ended(&principal)
        };
        let expected = changes.iter().any(|it| match &it.2 {
            Some(ended) => *ended == sid,
            None => it.0 == user && version < it.1,
        });
        prop_assert_eq!(ended(&changes), expected);
        changes.reverse();
        prop_assert_eq!(ended(&changes), expected);
    }
}
