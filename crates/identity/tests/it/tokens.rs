//! What a verifier accepts, and every confusion that it refuses.

use crate::fixture::{START, World, grant, world};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rstest::rstest;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use vigie_identity::tokens::{MAX_TOKEN_BYTES, SigningError, SigningKey, VerifyError};
use vigie_identity::{PrincipalKind, Scope, ServiceName};

fn claims() -> Value {
    json!({
        "iss": "vigie", "aud": "vigie", "sub": "42", "iat": START, "exp": START + 900,
        "jti": "t-1", "sid": "family-1", "ver": 3, "email": "a@b.c",
        "roles": [], "crm_user_id": null, "groupes": [], "groupe_names": [],
        "permission_grants": [],
    })
}

fn header(kid: &str, typ: &str) -> Header {
    let mut header = Header::new(Algorithm::EdDSA);
    header.kid = Some(kid.to_owned());
    header.typ = Some(typ.to_owned());
    header
}

fn encode(key: &SigningKey, header: &Header, claims: &Value) -> String {
    let key = EncodingKey::from_ed_der(key.pkcs8().expose_secret());
    jsonwebtoken::encode(header, claims, &key).unwrap()
}

/// Signs with the right key, whatever the claims say.
fn signed(world: &World, claims: &Value) -> String {
    encode(&world.key, &header(world.key.kid(), "at+jwt"), claims)
}

#[tokio::test]
async fn a_signed_principal_comes_back_whole() {
    let world = world();
    let user = world.user();
    let token = world.signer.access(&user, world.hands.now()).unwrap();
    let token = token.token.expose_secret();
    let header: Value =
        serde_json::from_slice(&B64.decode(token.split('.').next().unwrap()).unwrap()).unwrap();
    assert_eq!(
        header,
        json!({"alg": "EdDSA", "typ": "at+jwt", "kid": world.key.kid()})
    );
    assert_eq!(*world.verifier.access(token).await.unwrap(), user);
    // The second time from memory: no other answer.
    assert_eq!(*world.verifier.access(token).await.unwrap(), user);
}

#[tokio::test]
async fn the_claims_are_those_of_the_contract() {
    let world = world();
    let token = world
        .signer
        .access(&world.user(), world.hands.now())
        .unwrap();
    let payload = token.token.expose_secret().split('.').nth(1).unwrap();
    let mut claims: Value = serde_json::from_slice(&B64.decode(payload).unwrap()).unwrap();
    assert!(
        claims
            .as_object_mut()
            .unwrap()
            .remove("jti")
            .is_some_and(|jti| jti.is_string())
    );
    assert_eq!(
        claims,
        json!({
            "iss": "vigie", "aud": "vigie", "sub": "42", "iat": START, "exp": START + 900,
            "sid": "family-1", "ver": 3, "email": "quality@example.test", "roles": ["operator"],
            "crm_user_id": "349", "groupes": ["Nord"], "groupe_names": ["Nord", "Nord (ancien)"],
            "permission_grants": [{
                "key": "audits", "read": true, "write": true,
                "read_scope": "GROUP", "write_scope": "SELF",
            }],
        })
    );
}

#[tokio::test]
async fn a_machine_has_a_name_and_no_session() {
    let world = world();
    let mut machine = world.user();
    machine.kind = PrincipalKind::Machine("env-1".to_owned());
    machine.session = None;
    let token = world.signer.access(&machine, world.hands.now()).unwrap();
    let back = world
        .verifier
        .access(token.token.expose_secret())
        .await
        .unwrap();
    assert_eq!(*back, machine);
    assert_eq!(back.user_id(), None);
}

#[tokio::test]
async fn odd_grants_are_read_narrowly() {
    let world = world();
    let mut claims = claims();
    claims["permission_grants"] = json!([
        {"key": "audits", "read": true, "write": false, "read_scope": "EVERYTHING", "write_scope": "SELF"},
        {"key": "audits", "read": true, "write": true, "read_scope": "ALL", "write_scope": "ALL"},
        {"key": "chat", "read": "yes"},
        7,
    ]);
    let principal = world
        .verifier
        .access(&signed(&world, &claims))
        .await
        .unwrap();
    assert_eq!(principal.grants, [grant("audits", Some(Scope::Own), None)]);
}

#[rstest]
#[case::other_issuer("iss", json!("elsewhere"))]
#[case::other_audience("aud", json!("billing"))]
#[case::internal_audience("aud", json!("fiche-cache"))]
#[case::no_issuer("iss", Value::Null)]
#[case::no_audience("aud", Value::Null)]
#[case::no_exp("exp", Value::Null)]
#[case::no_iat("iat", Value::Null)]
#[case::no_jti("jti", Value::Null)]
#[case::blank_jti("jti", json!(""))]
#[case::no_sid("sid", Value::Null)]
#[case::blank_sid("sid", json!(""))]
#[case::no_version("ver", Value::Null)]
#[case::many_audiences("aud", json!(["vigie", "billing"]))]
#[case::text_exp("exp", json!("never"))]
#[case::no_sub("sub", Value::Null)]
#[case::no_id("sub", json!("someone"))]
#[case::zero_id("sub", json!("0"))]
#[case::nameless_machine("sub", json!("machine:"))]
#[case::blank_email("email", json!(" "))]
#[case::expired("exp", json!(START - 31))]
#[case::future("iat", json!(START + 31))]
#[case::ends_before_it_begins("exp", json!(START))]
#[case::too_long("exp", json!(START + 86_401))]
#[case::huge("exp", json!(i64::MAX))]
#[tokio::test]
async fn refuses_claims(#[case] name: &str, #[case] value: Value) {
    let world = world();
    let mut claims = claims();
    assert!(
        world
            .verifier
            .access(&signed(&world, &claims))
            .await
            .is_ok()
    );
    if value.is_null() {
        claims.as_object_mut().unwrap().remove(name);
    } else {
        claims[name] = value;
    }
    let token = signed(&world, &claims);
    assert!(world.verifier.access(&token).await.is_err());
}

#[tokio::test]
async fn refuses_other_types() {
    let world = world();
    for typ in ["JWT", "internal+jwt", ""] {
        let token = encode(&world.key, &header(world.key.kid(), typ), &claims());
        assert!(
            matches!(world.verifier.access(&token).await, Err(VerifyError::Type)),
            "{typ}"
        );
    }
    let (internal, _) = world
        .signer
        .internal(ServiceName::Gateway, ServiceName::Auth, world.hands.now())
        .unwrap();
    assert!(
        world
            .verifier
            .access(internal.expose_secret())
            .await
            .is_err()
    );
    let access = world
        .signer
        .access(&world.user(), world.hands.now())
        .unwrap();
    let access = access.token.expose_secret();
    assert!(
        world
            .verifier
            .internal(access, ServiceName::Auth)
            .await
            .is_err()
    );
}

#[tokio::test]
async fn refuses_a_token_without_signature() {
    let world = world();
    let payload = B64.encode(claims().to_string());
    for alg in ["none", "None", "NONE"] {
        let header = json!({"alg": alg, "typ": "at+jwt", "kid": world.key.kid()}).to_string();
        for signature in ["", "AAAA"] {
            let token = format!("{}.{payload}.{signature}", B64.encode(&header));
            assert!(world.verifier.access(&token).await.is_err());
        }
    }
}

#[tokio::test]
async fn refuses_the_public_key_used_as_a_secret() {
    let world = world();
    let public = world.key.jwk().x;
    let mut header = header(world.key.kid(), "at+jwt");
    header.alg = Algorithm::HS256;
    for secret in [public.as_bytes().to_vec(), B64.decode(&public).unwrap()] {
        let key = EncodingKey::from_secret(&secret);
        let token = jsonwebtoken::encode(&header, &claims(), &key).unwrap();
        assert!(matches!(
            world.verifier.access(&token).await,
            Err(VerifyError::Algorithm)
        ));
    }
}

#[tokio::test]
async fn refuses_a_foreign_key_under_our_id_and_ours_under_a_foreign_id() {
    let world = world();
    let foreign = SigningKey::generate().unwrap();
    let token = encode(&foreign, &header(world.key.kid(), "at+jwt"), &claims());
    assert!(matches!(
        world.verifier.access(&token).await,
        Err(VerifyError::Refused(_))
    ));
    let token = encode(&world.key, &header("other", "at+jwt"), &claims());
    assert!(matches!(
        world.verifier.access(&token).await,
        Err(VerifyError::UnknownKey)
    ));
    let mut nameless = header("", "at+jwt");
    nameless.kid = None;
    let token = encode(&world.key, &nameless, &claims());
    assert!(matches!(
        world.verifier.access(&token).await,
        Err(VerifyError::UnknownKey)
    ));
}

#[tokio::test]
async fn refuses_changed_claims_and_noise() {
    let world = world();
    let token = signed(&world, &claims());
    let mut parts: Vec<_> = token.split('.').map(str::to_owned).collect();
    let mut changed = claims();
    changed["sub"] = json!("1");
    parts[1] = B64.encode(changed.to_string());
    assert!(world.verifier.access(&parts.join(".")).await.is_err());
    for noise in ["", ".", "..", "a.b.c", "Bearer", "🙂.🙂.🙂"] {
        assert!(world.verifier.access(noise).await.is_err());
    }
}

#[tokio::test]
async fn ends_on_time_also_when_remembered() {
    let world = world();
    let token = signed(&world, &claims());
    assert!(world.verifier.access(&token).await.is_ok());
    world.hands.forward(930);
    assert!(
        world.verifier.access(&token).await.is_ok(),
        "within the leeway"
    );
    world.hands.forward(1);
    assert!(matches!(
        world.verifier.access(&token).await,
        Err(VerifyError::Expired)
    ));
}

#[tokio::test]
async fn an_internal_token_opens_one_service_for_five_minutes() {
    let world = world();
    let (token, seconds) = world
        .signer
        .internal(
            ServiceName::Gateway,
            ServiceName::FicheCache,
            world.hands.now(),
        )
        .unwrap();
    assert_eq!(seconds, 300);
    let token = token.expose_secret();
    for _ in 0..2 {
        let caller = world
            .verifier
            .internal(token, ServiceName::FicheCache)
            .await
            .unwrap();
        assert_eq!(caller, ServiceName::Gateway);
        // Remembered for one audience is not remembered for another.
        assert!(
            world
                .verifier
                .internal(token, ServiceName::Auth)
                .await
                .is_err()
        );
    }
    world.hands.forward(331);
    assert!(
        world
            .verifier
            .internal(token, ServiceName::FicheCache)
            .await
            .is_err()
    );
}

#[tokio::test]
async fn refuses_internal_tokens_that_live_too_long_or_name_nobody() {
    let world = world();
    let base = json!({
        "iss": "vigie", "sub": "gateway", "aud": "auth", "iat": START, "exp": START + 300, "jti": "i",
    });
    let sign =
        |claims: &Value| encode(&world.key, &header(world.key.kid(), "internal+jwt"), claims);
    assert!(
        world
            .verifier
            .internal(&sign(&base), ServiceName::Auth)
            .await
            .is_ok()
    );
    for (name, value) in [
        ("exp", json!(START + 301)),
        ("sub", json!("crm")),
        ("iss", json!("x")),
    ] {
        let mut claims = base.clone();
        claims[name] = value;
        assert!(
            world
                .verifier
                .internal(&sign(&claims), ServiceName::Auth)
                .await
                .is_err(),
            "{name}"
        );
    }
}

#[test]
fn a_stored_key_signs_as_before() {
    let key = SigningKey::generate().unwrap();
    let stored = SigningKey::from_pkcs8(key.kid(), key.pkcs8().expose_secret()).unwrap();
    assert_eq!(stored.jwk(), key.jwk());
    let jwk = serde_json::to_value(key.jwk()).unwrap();
    assert_eq!(
        jwk,
        json!({
            "kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA",
            "kid": key.kid(), "x": key.jwk().x,
        })
    );
    assert!(SigningKey::from_pkcs8("x", b"not a key").is_err());
}

#[tokio::test]
async fn refuses_what_is_too_large_and_does_not_sign_it() {
    let world = world();
    let mut claims = claims();
    claims["roles"] = json!(["x".repeat(MAX_TOKEN_BYTES)]);
    let outcome = world.verifier.access(&signed(&world, &claims)).await;
    assert!(matches!(outcome, Err(VerifyError::Malformed)));
    let mut user = world.user();
    user.groupes = vec!["Équipe".repeat(40); 60];
    let outcome = world.signer.access(&user, world.hands.now());
    assert!(matches!(outcome, Err(SigningError::TooLarge(_))));
}

/// Keys that a token brings along are not looked at.
#[tokio::test]
async fn refuses_a_key_named_by_the_token_itself() {
    let world = world();
    let foreign = SigningKey::generate().unwrap();
    let mut header = header(world.key.kid(), "at+jwt");
    header.jku = Some("https://evil.test/jwks.json".to_owned());
    header.x5u = Some("https://evil.test/key.pem".to_owned());
    let token = encode(&foreign, &header, &claims());
    let outcome = world.verifier.access(&token).await;
    assert!(matches!(outcome, Err(VerifyError::Refused(_))));
    assert_eq!(world.published.fetches(), 1);
}
