use super::office::{Office, ask, assert_invalid, assert_refused, role_grant};
use anyhow::Result;
use chrono::{TimeDelta, Utc};
use tonic::Status;
use vigie_contracts::auth::v1 as pb;
use vigie_service::ErrorCode;

fn token(grants: &[(&str, &str, &str)]) -> pb::CreateServiceTokenRequest {
    pb::CreateServiceTokenRequest {
        name: "nightly export".to_owned(),
        permission_grants: grants.iter().map(|grant| role_grant(*grant)).collect(),
        expires_at: None,
    }
}

async fn exchange(
    office: &Office,
    token: &str,
) -> Result<Result<pb::ExchangeApiTokenResponse, Status>> {
    let request = pb::ExchangeApiTokenRequest {
        api_token: token.to_owned(),
    };
    let request = office.app.as_gateway(request, None).await?;
    let answer = office.app.client.clone().exchange_api_token(request).await;
    Ok(answer.map(tonic::Response::into_inner))
}

#[tokio::test]
async fn a_token_is_shown_once_and_stands_for_its_grants() -> Result<()> {
    let office = Office::open().await?;
    let who = &office.admin;
    let request = token(&[("admin.users", "r", "ALL"), ("fiches", "r", "ALL")]);
    let made = ask!(office, who, create_service_token, request)?;
    assert!(made.token.starts_with("vgs_") && made.token.len() == 68);
    let secret = made.token.trim_start_matches("vgs_");
    let rows = "SELECT row_to_json(t)::text FROM service_tokens t UNION ALL SELECT row_to_json(a)::text FROM audit_events a";
    let stored = office.many::<String>(rows).await?.concat();
    assert!(stored.contains("nightly export") && !stored.contains(secret));

    let access = exchange(&office, &made.token).await??;
    assert_eq!(access.expires_in_seconds, 60);
    let listed = ask!(
        office,
        &access.access_token,
        list_service_tokens,
        pb::ListServiceTokensRequest {}
    )?;
    assert_eq!(listed.count, 1);
    assert_eq!(listed.service_tokens[0].permission_grants.len(), 2);
    // It reads, as granted; it does not write.
    assert_refused(
        ask!(
            office,
            &access.access_token,
            create_service_token,
            token(&[])
        ),
        ErrorCode::Authorization,
        "Missing permission",
    );
    Ok(())
}

#[tokio::test]
async fn use_is_noted_once_a_minute() -> Result<()> {
    let office = Office::open().await?;
    let made = ask!(office, &office.admin, create_service_token, token(&[]))?;
    let used = "SELECT count(*) FROM service_tokens WHERE last_used_at > now() - interval '30 s'";
    assert_eq!(office.one::<i64>(used).await?, 0);
    exchange(&office, &made.token).await??;
    assert_eq!(office.one::<i64>(used).await?, 1);
    for (age, noted) in [("50 s", 0), ("61 s", 1)] {
        sqlx::query("UPDATE service_tokens SET last_used_at = now() - $1::text::interval")
            .bind(age)
            .execute(&office.pool)
            .await?;
        exchange(&office, &made.token).await??;
        assert_eq!(office.one::<i64>(used).await?, noted, "{age}");
    }
    Ok(())
}

#[tokio::test]
async fn ended_and_unknown_tokens_open_nothing() -> Result<()> {
    let office = Office::open().await?;
    let who = &office.admin;
    let made = ask!(
        office,
        who,
        create_service_token,
        token(&[("admin.users", "rw", "ALL")])
    )?;
    let access = exchange(&office, &made.token).await??.access_token;
    let id = made.service_token.expect("a token").id;
    for _ in 0..2 {
        let request = pb::RevokeServiceTokenRequest {
            service_token_id: id.clone(),
        };
        assert!(ask!(office, who, revoke_service_token, request)?.revoked);
    }
    let trail = "SELECT count(*) FROM audit_events WHERE action = 'service_token.revoked'";
    assert_eq!(office.one::<i64>(trail).await?, 1);
    assert!(exchange(&office, &made.token).await?.is_err());
    assert!(exchange(&office, "vgs_unknown").await?.is_err());
    // What it was exchanged for may live a minute, but writes look again.
    let answer = ask!(office, &access, create_service_token, token(&[]));
    assert_eq!(super::office::refused(answer).0, ErrorCode::Authentication);

    let soon = pb::CreateServiceTokenRequest {
        expires_at: Some((Utc::now() + TimeDelta::seconds(30)).to_rfc3339()),
        ..token(&[])
    };
    let soon = ask!(office, who, create_service_token, soon)?.token;
    assert!(exchange(&office, &soon).await??.expires_in_seconds <= 30);
    sqlx::query("UPDATE service_tokens SET expires_at = now()")
        .execute(&office.pool)
        .await?;
    assert!(exchange(&office, &soon).await?.is_err());
    Ok(())
}

#[tokio::test]
async fn a_token_holds_no_more_than_its_maker() -> Result<()> {
    let office = Office::open().await?;
    office
        .role("manager", &[("admin.users", "rw", "ALL")])
        .await?;
    let (_, manager) = office.member("manager@demo.test", &["manager"]).await?;
    assert_refused(
        ask!(
            office,
            &manager,
            create_service_token,
            token(&[("fiches", "r", "SELF")])
        ),
        ErrorCode::Authorization,
        "Cannot grant more than you hold",
    );
    let who = &office.admin;
    assert_invalid(
        ask!(
            office,
            who,
            create_service_token,
            token(&[("nothing", "r", "ALL")])
        ),
        "Unknown permission key(s)",
    );
    let past = pb::CreateServiceTokenRequest {
        expires_at: Some("2020-01-01T00:00:00Z".to_owned()),
        ..token(&[])
    };
    assert_invalid(
        ask!(office, who, create_service_token, past),
        "expires_at must be in the future",
    );
    let unknown = pb::RevokeServiceTokenRequest {
        service_token_id: "99".to_owned(),
    };
    assert_refused(
        ask!(office, who, revoke_service_token, unknown),
        ErrorCode::NotFound,
        "Service token with ID '99' not found",
    );
    Ok(())
}
