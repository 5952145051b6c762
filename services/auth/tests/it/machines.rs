use crate::support::{API_TOKEN, App};
use anyhow::Result;
use tonic::Code;
use vigie_contracts::auth::v1 as pb;

#[tokio::test]
async fn a_configured_token_becomes_a_principal_without_an_account() -> Result<()> {
    let app = App::start().await?;
    let exchange = |token: &str| pb::ExchangeApiTokenRequest {
        api_token: token.to_owned(),
    };
    let mut client = app.client.clone();
    let request = app.as_gateway(exchange(API_TOKEN), None).await?;
    let answer = client.exchange_api_token(request).await?.into_inner();
    assert_eq!(answer.expires_in_seconds, 60);

    let request = app
        .as_gateway(pb::GetMeRequest {}, Some(&answer.access_token))
        .await?;
    let refused = client.get_me(request).await.unwrap_err();
    assert_eq!(refused.message(), "Invalid or expired access token");

    let request = app.as_gateway(exchange("unknown"), None).await?;
    let unknown = client.exchange_api_token(request).await.unwrap_err();
    assert_eq!(unknown.code(), Code::Unauthenticated);
    let outside = client
        .exchange_api_token(exchange(API_TOKEN))
        .await
        .unwrap_err();
    assert_eq!(outside.code(), Code::Unauthenticated);
    Ok(())
}
