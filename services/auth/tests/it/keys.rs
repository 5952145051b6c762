use crate::support::App;
use anyhow::Result;
use tonic::Code;
use vigie_contracts::auth::v1 as pb;

#[tokio::test]
async fn keys_and_the_admin_survive_a_restart() -> Result<()> {
    let app = App::start().await?;
    let session = app.login().await?;
    let before = app
        .client
        .clone()
        .get_jwks(pb::GetJwksRequest {})
        .await?
        .into_inner();
    // Another seeded password must not touch an existing account.
    let database = app.stop().await?;
    let app = App::on(
        database,
        &[("AUTH_SEED_ADMIN_PASSWORD", "another-long-phrase")],
    )
    .await?;
    let after = app
        .client
        .clone()
        .get_jwks(pb::GetJwksRequest {})
        .await?
        .into_inner();
    assert_eq!(before, after);
    assert_eq!(after.keys.len(), 1);
    let request = app
        .as_gateway(pb::GetMeRequest {}, Some(&session.access_token))
        .await?;
    app.client.clone().get_me(request).await?;
    app.login().await?;
    Ok(())
}

#[tokio::test]
async fn a_private_key_is_sealed_at_rest() -> Result<()> {
    let app = App::start().await?;
    let pool = app.database.pool(vigie_testkit::Schema::Auth).await?;
    let stored: Vec<u8> = sqlx::query_scalar("SELECT private_key FROM signing_keys")
        .fetch_one(&pool)
        .await?;
    // The prefix of every PKCS#8 Ed25519 key.
    assert!(
        !stored
            .windows(5)
            .any(|bytes| bytes == [0x06, 0x03, 0x2b, 0x65, 0x70])
    );
    Ok(())
}

#[tokio::test]
async fn only_a_service_with_its_secret_gets_an_internal_token() -> Result<()> {
    let app = App::start().await?;
    for (service, secret) in [
        ("gateway", "wrong"),
        ("automation", "gateway-secret"),
        ("nobody", "gateway-secret"),
    ] {
        let request = pb::IssueInternalTokenRequest {
            service: service.to_owned(),
            secret: secret.to_owned(),
            audience: "auth".to_owned(),
        };
        let refused = app
            .client
            .clone()
            .issue_internal_token(request)
            .await
            .unwrap_err();
        assert_eq!(refused.code(), Code::Unauthenticated, "{service}");
    }
    Ok(())
}
