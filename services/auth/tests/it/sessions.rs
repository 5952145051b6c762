use crate::support::{App, EMAIL, PASSWORD};
use anyhow::Result;
use std::time::Duration;
use tonic::Code;
use vigie_contracts::auth::v1 as pb;
use vigie_events::auth::{PrincipalChange, PrincipalChanged};
use vigie_testkit::wait;

#[tokio::test]
async fn the_seeded_admin_logs_in_with_every_grant() -> Result<()> {
    let app = App::start().await?;
    let session = app
        .login_as(&format!(" {} ", EMAIL.to_uppercase()), PASSWORD)
        .await?;
    let user = session.user.unwrap();
    assert_eq!(
        (user.email.as_str(), user.roles.as_slice()),
        (EMAIL, &["admin".to_owned()][..])
    );
    assert_eq!(user.permissions.len(), 12);
    assert!(
        user.permissions
            .iter()
            .all(|grant| grant.write && grant.write_scope == "ALL")
    );
    assert!(user.must_change_password);
    assert_eq!(
        (session.expires_in_seconds, session.refresh_token.len()),
        (900, 64)
    );
    Ok(())
}

#[tokio::test]
async fn every_wrong_login_gets_one_answer() -> Result<()> {
    let app = App::start().await?;
    for (email, password) in [(EMAIL, "wrong"), ("nobody@vigie.test", PASSWORD)] {
        let refused = app.login_as(email, password).await.unwrap_err();
        assert_eq!(refused.code(), Code::Unauthenticated);
        assert_eq!(refused.message(), "Invalid email or password");
    }
    let invalid = app.login_as("not an address", PASSWORD).await.unwrap_err();
    assert_eq!(invalid.code(), Code::InvalidArgument);
    Ok(())
}

#[tokio::test]
async fn one_of_parallel_refreshes_wins_and_its_session_lives() -> Result<()> {
    let app = App::start().await?;
    let first = app.login().await?;
    let tries = (0..50).map(|_| app.refresh(&first.refresh_token));
    let outcomes = futures::future::join_all(tries).await;
    let winners: Vec<_> = outcomes
        .iter()
        .filter_map(|outcome| outcome.as_ref().ok())
        .collect();
    assert_eq!(winners.len(), 1);
    let losers = outcomes.iter().filter_map(|outcome| outcome.as_ref().err());
    assert!(
        losers
            .into_iter()
            .all(|status| status.message() == "Refresh token revoked")
    );
    app.refresh(&winners[0].refresh_token).await?;
    Ok(())
}

#[tokio::test]
async fn a_stolen_token_ends_the_session() -> Result<()> {
    let app = App::start().await?;
    let first = app.login().await?;
    let second = app.refresh(&first.refresh_token).await?;
    let third = app.refresh(&second.refresh_token).await?;
    // The successor of the first was used: no double click.
    let refused = app.refresh(&first.refresh_token).await.unwrap_err();
    assert_eq!(refused.message(), "Refresh token revoked");
    let ended = app.refresh(&third.refresh_token).await.unwrap_err();
    assert_eq!(ended.message(), "Refresh token revoked");
    Ok(())
}

#[tokio::test]
async fn refresh_tokens_are_refused_in_the_contracts_order() -> Result<()> {
    let app = App::start().await?;
    let mut client = app.client.clone();
    let missing = client
        .refresh(pb::RefreshRequest::default())
        .await
        .unwrap_err();
    assert_eq!(missing.message(), "Missing refresh token");
    let blank = app.refresh("  ").await.unwrap_err();
    assert_eq!(blank.code(), Code::InvalidArgument);
    let unknown = app.refresh("unknown").await.unwrap_err();
    assert_eq!(unknown.message(), "Invalid refresh token");
    Ok(())
}

#[tokio::test]
async fn logging_out_ends_the_session_and_may_be_repeated() -> Result<()> {
    let app = App::start().await?;
    let session = app.login().await?;
    let mut client = app.client.clone();
    for token in [
        Some(session.refresh_token.clone()),
        Some(session.refresh_token.clone()),
        None,
    ] {
        client
            .logout(pb::LogoutRequest {
                refresh_token: token,
            })
            .await?;
    }
    let refused = app.refresh(&session.refresh_token).await.unwrap_err();
    assert_eq!(refused.message(), "Refresh token revoked");
    Ok(())
}

#[tokio::test]
async fn me_is_read_live_and_needs_both_tokens() -> Result<()> {
    let app = App::start().await?;
    let session = app.login().await?;
    let mut client = app.client.clone();
    let request = app
        .as_gateway(pb::GetMeRequest {}, Some(&session.access_token))
        .await?;
    let user = client.get_me(request).await?.into_inner().user.unwrap();
    assert_eq!(user.email, EMAIL);

    let alone = client.get_me(pb::GetMeRequest {}).await.unwrap_err();
    assert_eq!(alone.code(), Code::Unauthenticated);

    let pool = app.database.pool(vigie_testkit::Schema::Auth).await?;
    sqlx::query("UPDATE users SET status = 'DISABLED'")
        .execute(&pool)
        .await?;
    let request = app
        .as_gateway(pb::GetMeRequest {}, Some(&session.access_token))
        .await?;
    let disabled = client.get_me(request).await.unwrap_err();
    assert_eq!(disabled.message(), "User is disabled");
    let refused = app.refresh(&session.refresh_token).await.unwrap_err();
    assert_eq!(refused.message(), "User is disabled");
    Ok(())
}

#[tokio::test]
async fn me_refuses_a_session_that_was_ended() -> Result<()> {
    let app = App::start().await?;
    let (ended, other) = (app.login().await?, app.login().await?);
    let pool = app.database.pool(vigie_testkit::Schema::Auth).await?;
    // As another replica would, whose fact has not come yet: the token itself still verifies.
    let sql = "UPDATE refresh_tokens SET revoked_at = now()
                WHERE id = (SELECT min(id) FROM refresh_tokens)";
    sqlx::query(sql).execute(&pool).await?;
    let mut client = app.client.clone();
    let request = app
        .as_gateway(pb::GetMeRequest {}, Some(&ended.access_token))
        .await?;
    let refused = client.get_me(request).await.unwrap_err();
    assert_eq!(
        (refused.code(), refused.message()),
        (Code::Unauthenticated, "Session has ended")
    );
    // A rotated session is the same one, and lives: so do tokens from before the rotation.
    app.refresh(&other.refresh_token).await?;
    let request = app
        .as_gateway(pb::GetMeRequest {}, Some(&other.access_token))
        .await?;
    client.get_me(request).await?;
    Ok(())
}

#[tokio::test]
async fn a_late_reuse_ends_the_family_and_says_so() -> Result<()> {
    let app = App::start().await?;
    let (first, other) = (app.login().await?, app.login().await?);
    let second = app.refresh(&first.refresh_token).await?;
    // Within ten seconds it is a double click.
    let twice = app.refresh(&first.refresh_token).await.unwrap_err();
    assert_eq!(twice.message(), "Refresh token revoked");
    let second = app.refresh(&second.refresh_token).await?;

    let pool = app.database.pool(vigie_testkit::Schema::Auth).await?;
    let third = app.refresh(&second.refresh_token).await?;
    sqlx::query("UPDATE refresh_tokens SET revoked_at = revoked_at - interval '11 s'")
        .execute(&pool)
        .await?;
    let stolen = app.refresh(&second.refresh_token).await.unwrap_err();
    assert_eq!(stolen.message(), "Refresh token revoked");
    let ended = app.refresh(&third.refresh_token).await.unwrap_err();
    assert_eq!(ended.message(), "Refresh token revoked");
    // Another session of the same user lives.
    app.refresh(&other.refresh_token).await?;

    let noted: Vec<(String, i64)> =
        sqlx::query_as("SELECT reason, version FROM principal_changes WHERE sid IS NOT NULL")
            .fetch_all(&pool)
            .await?;
    assert_eq!(noted, [("reuse".to_owned(), 1)]);
    let bus = app.bus().await?;
    let user = other.user.expect("a user").id;
    let fact = wait::until("the fact", Duration::from_secs(20), || async {
        let entity = std::slice::from_ref(&user);
        Ok(bus.last_fact::<PrincipalChanged>(entity).await?)
    });
    let fact = fact.await?.body;
    let sid: String = sqlx::query_scalar("SELECT min(sid) FROM principal_changes")
        .fetch_one(&pool)
        .await?;
    assert_eq!(
        (fact.reason, fact.version, fact.sid),
        (PrincipalChange::Reuse, 1, Some(sid))
    );
    let events: i64 =
        sqlx::query_scalar("SELECT count(*) FROM audit_events WHERE action = 'session.reused'")
            .fetch_one(&pool)
            .await?;
    assert_eq!(events, 1);
    Ok(())
}

#[tokio::test]
async fn a_session_ends_for_good_at_its_cap() -> Result<()> {
    let app = App::with(&[("AUTH_SESSION_MAX_SECONDS", "3600")]).await?;
    let session = app.login().await?;
    assert!((3590..=3600).contains(&session.refresh_expires_in_seconds));
    let pool = app.database.pool(vigie_testkit::Schema::Auth).await?;
    sqlx::query("UPDATE refresh_tokens SET family_expires_at = now() + interval '9 s'")
        .execute(&pool)
        .await?;
    let session = app.refresh(&session.refresh_token).await?;
    assert!(session.refresh_expires_in_seconds <= 9);
    sqlx::query("UPDATE refresh_tokens SET family_expires_at = now()")
        .execute(&pool)
        .await?;
    let ended = app.refresh(&session.refresh_token).await.unwrap_err();
    assert_eq!(ended.message(), "Refresh token expired");
    Ok(())
}

#[tokio::test]
async fn rotations_do_not_slip_past_the_end_of_a_session() -> Result<()> {
    let app = App::start().await?;
    for _ in 0..10 {
        let first = app.login().await?;
        let second = app.refresh(&first.refresh_token).await?;
        let third = app.refresh(&second.refresh_token).await?;
        // Theft is seen while the owner rotates.
        let (stolen, rotated) = tokio::join!(
            app.refresh(&first.refresh_token),
            app.refresh(&third.refresh_token),
        );
        assert!(stolen.is_err());
        if let Ok(fourth) = rotated {
            assert!(app.refresh(&fourth.refresh_token).await.is_err());
        }
    }
    Ok(())
}
