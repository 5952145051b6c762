use crate::support::App;
use anyhow::Result;
use tonic::Code;
use vigie_contracts::auth::v1 as pb;

#[tokio::test]
async fn a_ticket_works_once() -> Result<()> {
    let app = App::start().await?;
    let session = app.login().await?;
    let mut client = app.client.clone();
    let body = pb::IssueStreamTicketRequest {
        channels: vec!["audit-1".to_owned()],
    };
    let request = app.as_gateway(body, Some(&session.access_token)).await?;
    let issued = client.issue_stream_ticket(request).await?.into_inner();
    assert_eq!(issued.expires_in_seconds, 30);

    let redeem = || pb::RedeemStreamTicketRequest {
        ticket: issued.ticket.clone(),
    };
    let request = app.as_gateway(redeem(), None).await?;
    let ticket = client.redeem_stream_ticket(request).await?.into_inner();
    assert_eq!(ticket.channels, ["audit-1"]);
    assert!(ticket.session_expires_at_ms > 0);

    let request = app.as_gateway(redeem(), None).await?;
    let again = client.redeem_stream_ticket(request).await.unwrap_err();
    assert_eq!(again.code(), Code::Unauthenticated);
    Ok(())
}
