//! Limits on attempts (W5). Time is moved in the table.

use crate::support::{App, EMAIL, PASSWORD};
use anyhow::Result;
use tonic::{Code, Status};
use vigie_contracts::auth::v1 as pb;
use vigie_service::WireError;
use vigie_testkit::Schema;

fn from(email: &str, password: &str, ip: &str) -> pb::LoginRequest {
    pb::LoginRequest {
        email: email.to_owned(),
        password: password.to_owned(),
        client: Some(pb::Client {
            ip: Some(ip.to_owned()),
            user_agent: None,
        }),
    }
}

async fn login(app: &App, email: &str, password: &str, ip: &str) -> Result<pb::Session, Status> {
    let request = from(email, password, ip);
    let request = app.as_gateway(request, None).await.expect("a call");
    let answer = app.client.clone().login(request).await?.into_inner();
    Ok(answer.session.expect("a session"))
}

fn wait(status: &Status) -> i64 {
    assert_eq!(status.code(), Code::ResourceExhausted, "{status:?}");
    WireError::from(status).extras["retry_after_seconds"]
        .as_i64()
        .expect("seconds")
}

#[tokio::test]
async fn five_failures_block_an_account_also_for_the_right_password() -> Result<()> {
    let app = App::start().await?;
    let pool = app.database.pool(Schema::Auth).await?;
    // Successes do not count.
    for _ in 0..6 {
        login(&app, EMAIL, PASSWORD, "192.0.2.1").await?;
    }
    for (block, seconds) in [(1, 60), (2, 120)] {
        for failure in 0..5 {
            let ip = format!("192.0.2.{block}{failure}");
            let refused = login(&app, EMAIL, "wrong", &ip).await.unwrap_err();
            assert_eq!(refused.message(), "Invalid email or password");
        }
        let blocked = login(&app, EMAIL, PASSWORD, "192.0.2.99")
            .await
            .unwrap_err();
        assert!((seconds - 10..=seconds).contains(&wait(&blocked)));
        sqlx::query(
            "UPDATE attempts SET blocked_until = now(), window_start = now() - interval '1 h'",
        )
        .execute(&pool)
        .await?;
    }
    login(&app, EMAIL, PASSWORD, "192.0.2.99").await?;
    let noted: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM audit_events WHERE action = 'login.blocked' AND target_name = $1",
    )
    .bind(EMAIL)
    .fetch_one(&pool)
    .await?;
    assert_eq!(noted, 2);
    Ok(())
}

#[tokio::test]
async fn unknown_logins_are_blocked_alike_and_by_address() -> Result<()> {
    let app = App::start().await?;
    let ip = "2001:db8::1";
    for account in 0..4 {
        let email = format!("nobody-{account}@vigie.test");
        for _ in 0..5 {
            let refused = login(&app, &email, PASSWORD, ip).await.unwrap_err();
            assert_eq!(refused.message(), "Invalid email or password");
        }
        let blocked = login(&app, &email, PASSWORD, "198.51.100.7")
            .await
            .unwrap_err();
        wait(&blocked);
    }
    // Twenty failures from one network: it is blocked for every account.
    let blocked = login(&app, EMAIL, PASSWORD, "2001:db8::2")
        .await
        .unwrap_err();
    wait(&blocked);
    login(&app, EMAIL, PASSWORD, "198.51.100.7").await?;
    Ok(())
}

#[tokio::test]
async fn parallel_guesses_do_not_slip_past_the_limit() -> Result<()> {
    let app = App::start().await?;
    let tries = (0..60).map(|_| login(&app, EMAIL, "wrong", "192.0.2.1"));
    let outcomes = futures::future::join_all(tries).await;
    let looked_at = outcomes
        .iter()
        .filter(|outcome| matches!(outcome, Err(status) if status.code() == Code::Unauthenticated));
    // Those under way when the fifth failed may still end: no more than there are slots.
    let cores = std::thread::available_parallelism()?.get();
    let looked_at = looked_at.count();
    assert!((5..5 + cores).contains(&looked_at), "{looked_at}");
    Ok(())
}

#[tokio::test]
async fn an_address_refreshes_sixty_times_a_minute() -> Result<()> {
    let app = App::start().await?;
    let refresh = |token: String| {
        let mut client = app.client.clone();
        let request = pb::RefreshRequest {
            refresh_token: Some(token),
            client: Some(pb::Client {
                ip: Some("192.0.2.1".to_owned()),
                user_agent: None,
            }),
        };
        let request = app.as_gateway(request, None);
        async move { client.refresh(request.await.expect("a call")).await }
    };
    let mut token = app.login().await?.refresh_token;
    for _ in 0..60 {
        let session = refresh(token).await?.into_inner().session.unwrap();
        token = session.refresh_token;
    }
    let limited = refresh(token.clone()).await.unwrap_err();
    assert!((1..=60).contains(&wait(&limited)));
    // The token was not touched.
    app.refresh(&token).await?;
    Ok(())
}

#[tokio::test]
async fn only_the_gateway_is_believed_where_somebody_is() -> Result<()> {
    let app = App::start().await?;
    let mut blocked = None;
    for attempt in 0..40 {
        let request = from(
            &format!("nobody-{attempt}@vigie.test"),
            "wrong",
            &format!("192.0.2.{attempt}"),
        );
        let mut client = app.client.clone();
        let refused = client.login(request).await.unwrap_err();
        if refused.code() == Code::ResourceExhausted {
            blocked = Some(attempt);
            break;
        }
    }
    // Each failure named another address; all came from one.
    assert_eq!(blocked, Some(20));
    // Through the gateway that address is another's.
    login(&app, EMAIL, PASSWORD, "192.0.2.1").await?;
    Ok(())
}
