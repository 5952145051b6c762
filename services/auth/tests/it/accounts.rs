//! Invites, reset links, password changes and the session list.

use crate::support::{App, EMAIL, PASSWORD};
use anyhow::Result;
use sha2::Digest;
use sqlx::PgPool;
use std::time::Duration;
use tonic::{Code, Request, Status};
use vigie_contracts::auth::v1 as pb;
use vigie_contracts::auth::v1::account_service_client::AccountServiceClient;
use vigie_events::auth::{PrincipalChange, PrincipalChanged};
use vigie_testkit::{Schema, wait};

const NEW: &str = "un-tout-autre-secret";
const LINK: &str = "a-link-of-at-least-twenty-characters";
const LIMIT: Duration = Duration::from_secs(20);

/// Calls an RPC of one's own account.
macro_rules! own {
    ($app:expr, $token:expr, $rpc:ident, $body:expr) => {{
        let request = $app.as_gateway($body, Some($token)).await?;
        let mut client = AccountServiceClient::connect($app.url()).await?;
        client.$rpc(request).await.map(tonic::Response::into_inner)
    }};
}

async fn pool(app: &App) -> Result<PgPool> {
    app.database.pool(Schema::Auth).await
}

async fn link(pool: &PgPool, table: &str, status: &str, age_days: i32) -> Result<()> {
    use base64::Engine as _;
    let hash = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(sha2::Sha256::digest(LINK));
    sqlx::query("UPDATE users SET status = $1::user_status")
        .bind(status)
        .execute(pool)
        .await?;
    let insert = format!(
        "INSERT INTO {table} (user_id, token_hash, expires_at)
         SELECT id, $1, now() + interval '7 days' - make_interval(days => $2) FROM users
         ON CONFLICT (token_hash) DO UPDATE SET used_at = NULL, expires_at = EXCLUDED.expires_at"
    );
    sqlx::query(sqlx::AssertSqlSafe(insert))
        .bind(hash)
        .bind(age_days)
        .execute(pool)
        .await?;
    Ok(())
}

async fn accept(app: &App, token: &str, password: &str) -> Result<pb::Session, Status> {
    let mut client = AccountServiceClient::connect(app.url())
        .await
        .map_err(|error| Status::unavailable(error.to_string()))?;
    let request = pb::AcceptInviteRequest {
        invite_token: token.to_owned(),
        password: password.to_owned(),
        client: None,
    };
    let answer = client.accept_invite(request).await?.into_inner();
    Ok(answer.session.expect("a session"))
}

async fn reset(app: &App, password: &str) -> Result<pb::Session, Status> {
    let mut client = AccountServiceClient::connect(app.url())
        .await
        .map_err(|error| Status::unavailable(error.to_string()))?;
    let request = pb::ResetPasswordRequest {
        reset_token: LINK.to_owned(),
        password: password.to_owned(),
        client: None,
    };
    let answer = client.reset_password(request).await?.into_inner();
    Ok(answer.session.expect("a session"))
}

async fn told(app: &App, user: &str) -> Result<PrincipalChanged> {
    let bus = app.bus().await?;
    let fact = wait::until("the fact", LIMIT, || async {
        let last = bus.last_fact::<PrincipalChanged>(&[user.to_owned()]).await;
        Ok(last?)
    });
    Ok(fact.await?.body)
}

#[tokio::test]
async fn an_invite_works_once_and_is_refused_in_the_contracts_order() -> Result<()> {
    let app = App::start().await?;
    let pool = pool(&app).await?;
    let refused = accept(&app, LINK, NEW).await.unwrap_err();
    assert_eq!(refused.message(), "Invalid invite token");
    for (status, age_days, sentence) in [
        ("INVITED", 8, "Invite token expired"),
        ("ACTIVE", 0, "Invite token invalid"),
        ("DISABLED", 0, "Invite token invalid"),
    ] {
        link(&pool, "user_invite_tokens", status, age_days).await?;
        let refused = accept(&app, LINK, NEW).await.unwrap_err();
        assert_eq!(
            (refused.code(), refused.message()),
            (Code::Unauthenticated, sentence)
        );
    }
    link(&pool, "user_invite_tokens", "INVITED", 0).await?;
    // A weak password leaves the link alone.
    for weak in ["short", "Password2026!"] {
        let refused = accept(&app, LINK, weak).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument, "{weak}");
    }
    let spaced = format!(" {LINK} ");
    let tries = (0..8).map(|_| accept(&app, &spaced, NEW));
    let outcomes = futures::future::join_all(tries).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    for refused in outcomes.iter().filter_map(|outcome| outcome.as_ref().err()) {
        assert_eq!(refused.message(), "Invite token already used");
    }
    app.login_as(EMAIL, NEW).await?;
    Ok(())
}

#[tokio::test]
async fn a_reset_ends_every_session_and_opens_one() -> Result<()> {
    let app = App::start().await?;
    let pool = pool(&app).await?;
    let before = app.login().await?;
    link(&pool, "password_reset_tokens", "ACTIVE", 0).await?;
    let after = reset(&app, NEW).await?;
    let user = after.user.clone().unwrap();
    assert!(!user.must_change_password);
    let ended = app.refresh(&before.refresh_token).await.unwrap_err();
    assert_eq!(ended.message(), "Refresh token revoked");
    app.refresh(&after.refresh_token).await?;
    let again = reset(&app, NEW).await.unwrap_err();
    assert_eq!(again.message(), "Reset token already used");
    let fact = told(&app, &user.id).await?;
    assert_eq!(
        (fact.reason, fact.version, fact.sid),
        (PrincipalChange::Password, 2, None)
    );
    Ok(())
}

#[tokio::test]
async fn a_reset_is_refused_in_the_contracts_order() -> Result<()> {
    let app = App::start().await?;
    let pool = pool(&app).await?;
    let table = "password_reset_tokens";
    // A weak password comes before everything that the link is.
    let weak = reset(&app, "short").await.unwrap_err();
    assert_eq!(weak.code(), Code::InvalidArgument);
    let unknown = reset(&app, NEW).await.unwrap_err();
    assert_eq!(unknown.message(), "Invalid reset token");
    for (status, age_days, used, sentence) in [
        // Each is wrong in all that comes after it.
        ("DISABLED", 8, true, "Reset token already used"),
        ("DISABLED", 8, false, "Reset token expired"),
        ("DISABLED", 0, false, "Reset token invalid"),
        ("INVITED", 0, false, "Reset token invalid"),
    ] {
        link(&pool, table, status, age_days).await?;
        if used {
            sqlx::query("UPDATE password_reset_tokens SET used_at = now()")
                .execute(&pool)
                .await?;
        }
        let refused = reset(&app, NEW).await.unwrap_err();
        assert_eq!(
            (refused.code(), refused.message()),
            (Code::Unauthenticated, sentence)
        );
    }
    link(&pool, table, "ACTIVE", 0).await?;
    reset(&app, NEW).await?;
    Ok(())
}

#[tokio::test]
async fn a_change_of_password_spares_only_its_own_session() -> Result<()> {
    let app = App::start().await?;
    let (mine, other) = (app.login().await?, app.login().await?);
    let change = |current: &str, new: &str| pb::ChangePasswordRequest {
        current_password: current.to_owned(),
        new_password: new.to_owned(),
    };
    let wrong = own!(
        app,
        &mine.access_token,
        change_password,
        change("wrong", NEW)
    )
    .unwrap_err();
    assert_eq!(wrong.code(), Code::Unauthenticated);
    for (current, new) in [(PASSWORD, "motdepasse-2026"), (PASSWORD, PASSWORD)] {
        let weak = own!(
            app,
            &mine.access_token,
            change_password,
            change(current, new)
        );
        assert_eq!(weak.unwrap_err().code(), Code::InvalidArgument);
    }
    let done = own!(
        app,
        &mine.access_token,
        change_password,
        change(PASSWORD, NEW)
    )?;
    assert!(done.changed);
    let ended = app.refresh(&other.refresh_token).await.unwrap_err();
    assert_eq!(ended.message(), "Refresh token revoked");
    let session = app.refresh(&mine.refresh_token).await?;
    assert!(!session.user.unwrap().must_change_password);
    let fact = told(&app, &mine.user.unwrap().id).await?;
    assert_eq!((fact.reason, fact.version), (PrincipalChange::Password, 1));
    assert!(fact.sid.is_some());
    assert!(app.login().await.is_err());
    app.login_as(EMAIL, NEW).await?;
    Ok(())
}

#[tokio::test]
async fn sessions_are_listed_and_ended_by_their_owner() -> Result<()> {
    let app = App::start().await?;
    let (mine, other) = (app.login().await?, app.login().await?);
    // A rotation is the same session.
    let mine = app.refresh(&mine.refresh_token).await?;
    let list = own!(
        app,
        &mine.access_token,
        list_sessions,
        pb::ListSessionsRequest {}
    )?;
    assert_eq!(list.count, 2);
    let current: Vec<_> = list
        .sessions
        .iter()
        .filter(|session| session.current)
        .collect();
    assert_eq!(current.len(), 1);
    let theirs = list
        .sessions
        .iter()
        .find(|session| !session.current)
        .unwrap();
    let revoke = pb::RevokeSessionRequest {
        sid: theirs.sid.clone(),
    };
    assert!(own!(app, &mine.access_token, revoke_session, revoke.clone())?.revoked);
    let twice = own!(app, &mine.access_token, revoke_session, revoke).unwrap_err();
    assert_eq!(twice.code(), Code::NotFound);
    assert!(app.refresh(&other.refresh_token).await.is_err());
    let user = mine.user.clone().unwrap().id;
    let fact = told(&app, &user).await?;
    assert_eq!(
        (fact.reason, fact.sid.as_deref()),
        (PrincipalChange::Logout, Some(&*theirs.sid))
    );

    let all = own!(
        app,
        &mine.access_token,
        log_out_everywhere,
        pb::LogOutEverywhereRequest {}
    )?;
    assert_eq!(all.revoked, 1);
    assert!(app.refresh(&mine.refresh_token).await.is_err());
    Ok(())
}

#[tokio::test]
async fn a_replica_that_missed_the_feed_asks_for_it() -> Result<()> {
    use vigie_contracts::auth::v1::trust_service_client::TrustServiceClient;
    let app = App::start().await?;
    let session = app.login().await?;
    let request = pb::LogoutRequest {
        refresh_token: Some(session.refresh_token),
    };
    app.client.clone().logout(request).await?;
    let mut client = TrustServiceClient::connect(app.url()).await?;
    let now_ms = chrono::Utc::now().timestamp_millis();
    let ask = pb::PrincipalChangesRequest { since_ms: now_ms };
    let alone = client
        .principal_changes(Request::new(ask))
        .await
        .unwrap_err();
    assert_eq!(alone.code(), Code::Unauthenticated);
    let request = app.as_gateway(ask, None).await?;
    let changes = client
        .principal_changes(request)
        .await?
        .into_inner()
        .changes;
    assert_eq!(changes.len(), 1);
    assert_eq!(
        (changes[0].reason.as_str(), changes[0].version),
        ("logout", 1)
    );
    assert!(changes[0].sid.is_some());
    Ok(())
}
