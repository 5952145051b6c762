//! Signing keys change while tokens of the old one are out, on two replicas.

use crate::support::{App, EMAIL, PASSWORD};
use anyhow::{Context, Result};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::time::Duration;
use tonic::Code;
use tonic::transport::Channel;
use vigie_contracts::auth::v1 as pb;
use vigie_contracts::auth::v1::auth_service_client::AuthServiceClient;
use vigie_contracts::auth::v1::trust_service_client::TrustServiceClient;
use vigie_testkit::{Schema, wait};

const SWEEP: Duration = Duration::from_millis(200);
const LIMIT: Duration = Duration::from_secs(20);

async fn kids(client: &AuthServiceClient<Channel>) -> Result<Vec<String>> {
    let answer = client.clone().get_jwks(pb::GetJwksRequest {}).await?;
    let keys = answer.into_inner().keys.into_iter();
    Ok(keys.map(|key| key.kid).collect())
}

/// Waits until a replica publishes these: each reads the table for itself.
async fn published(client: &AuthServiceClient<Channel>, wanted: &[&str]) -> Result<()> {
    let asked = wait::until("published keys", LIMIT, || async {
        Ok((kids(client).await? == wanted).then_some(()))
    });
    asked.await
}

/// The key that a replica signs with.
async fn signs(client: &AuthServiceClient<Channel>) -> Result<String> {
    let request = pb::LoginRequest {
        email: EMAIL.to_owned(),
        password: PASSWORD.to_owned(),
        client: None,
    };
    let session = client.clone().login(request).await?.into_inner().session;
    kid(&session.context("a session")?.access_token)
}

/// The key that signed a token.
fn kid(token: &str) -> Result<String> {
    let header = token.split('.').next().unwrap_or_default();
    let header: serde_json::Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header)?)?;
    Ok(header["kid"].as_str().unwrap_or_default().to_owned())
}

async fn me(app: &App, client: &AuthServiceClient<Channel>, token: &str) -> Result<Code> {
    let request = app.as_gateway(pb::GetMeRequest {}, Some(token)).await?;
    Ok(match client.clone().get_me(request).await {
        Ok(_) => Code::Ok,
        Err(status) => status.code(),
    })
}

#[tokio::test]
async fn the_next_key_is_published_before_it_signs_and_the_old_one_after() -> Result<()> {
    let app = App::sweeping(SWEEP).await?;
    let other = app.replica().await?;
    let pool = app.database.pool(Schema::Auth).await?;
    let first = app.login().await?;
    let old = kid(&first.access_token)?;

    let mut trust = TrustServiceClient::connect(app.url()).await?;
    let rotate = app
        .as_gateway(pb::RotateKeysRequest {}, Some(&first.access_token))
        .await?;
    let keys = trust.rotate_keys(rotate).await?.into_inner().keys;
    assert_eq!(keys.len(), 2);
    assert_eq!(keys[0].kid, old);
    assert!(keys[0].retired_at.as_deref() > Some(&*keys[1].not_before));
    let new = keys[1].kid.clone();

    // Published on both, signing on none.
    for client in [&app.client, &other.client] {
        published(client, &[&old, &new]).await?;
    }
    assert_eq!(kid(&app.login().await?.access_token)?, old);
    let rotate = app
        .as_gateway(pb::RotateKeysRequest {}, Some(&first.access_token))
        .await?;
    let early = trust.rotate_keys(rotate).await.unwrap_err();
    assert_eq!(early.code(), Code::FailedPrecondition, "{early:?}");

    // Its time comes: both sign with it once they have read the table.
    sqlx::query("UPDATE signing_keys SET not_before = now() WHERE kid = $1")
        .bind(&new)
        .execute(&pool)
        .await?;
    for client in [&app.client, &other.client] {
        let signed = wait::until("the new key's first signature", LIMIT, || async {
            Ok((signs(client).await? == new).then_some(()))
        });
        signed.await?;
    }
    let second = app.login().await?;
    assert_eq!(kid(&second.access_token)?, new);
    let request = pb::RefreshRequest {
        refresh_token: Some(second.refresh_token),
        client: None,
    };
    let third = other.client.clone().refresh(request).await?.into_inner();
    let third = third.session.expect("a session");
    assert_eq!(kid(&third.access_token)?, new);
    let fresh = app.replica().await?;
    for token in [
        &first.access_token,
        &second.access_token,
        &third.access_token,
    ] {
        assert_eq!(me(&app, &fresh.client, token).await?, Code::Ok);
    }
    fresh.stop().await?;

    // It is over: no longer published, and a replica that starts now refuses what it signed.
    sqlx::query("UPDATE signing_keys SET retired_at = now() WHERE kid = $1")
        .bind(&old)
        .execute(&pool)
        .await?;
    published(&other.client, &[&new]).await?;
    let late = app.replica().await?;
    assert_eq!(
        me(&app, &late.client, &first.access_token).await?,
        Code::Unauthenticated
    );
    assert_eq!(
        me(&app, &late.client, &second.access_token).await?,
        Code::Ok
    );
    late.stop().await?;
    other.stop().await
}

#[tokio::test]
async fn keys_are_rotated_by_those_who_may() -> Result<()> {
    let app = App::start().await?;
    let mut trust = TrustServiceClient::connect(app.url()).await?;
    let service = app.as_gateway(pb::RotateKeysRequest {}, None).await?;
    let refused = trust.rotate_keys(service).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unauthenticated);
    let token = app.login().await?.access_token;
    let pool = app.database.pool(Schema::Auth).await?;
    sqlx::query("UPDATE users SET status = 'DISABLED'")
        .execute(&pool)
        .await?;
    let disabled = app
        .as_gateway(pb::RotateKeysRequest {}, Some(&token))
        .await?;
    let refused = trust.rotate_keys(disabled).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unauthenticated);
    Ok(())
}

#[tokio::test]
async fn keys_are_told_without_a_query() -> Result<()> {
    let app = App::start().await?;
    let before = kids(&app.client).await?;
    let pool = app.database.pool(Schema::Auth).await?;
    // A table that is away changes nothing.
    sqlx::query("ALTER TABLE signing_keys RENAME TO hidden_keys")
        .execute(&pool)
        .await?;
    for _ in 0..3 {
        assert_eq!(kids(&app.client).await?, before);
    }
    Ok(())
}
