use super::office::{ADDRESS, Office, PHRASE, REQUEST_ID, ask, new_user, refused, texts};
use anyhow::Result;
use vigie_contracts::auth::v1 as pb;
use vigie_service::ErrorCode;

async fn events(office: &Office, request: pb::ListAuditEventsRequest) -> Result<serde_json::Value> {
    let answer = ask!(office, &office.admin, list_audit_events, request)?;
    Ok(serde_json::to_value(&answer)?)
}

#[tokio::test]
async fn an_action_leaves_who_what_and_from_where() -> Result<()> {
    let office = Office::open().await?;
    let id = office.user("nora@demo.test", &["viewer"]).await?;
    let request = pb::UpdateUserRequest {
        user_id: id.clone(),
        status: Some("DISABLED".to_owned()),
        password: Some("another long phrase 3".to_owned()),
        ..pb::UpdateUserRequest::default()
    };
    ask!(office, &office.admin, update_user, request)?;
    let request = pb::ListAuditEventsRequest {
        target_type: Some("user".to_owned()),
        target_id: Some(id.clone()),
        ..pb::ListAuditEventsRequest::default()
    };
    let listed = events(&office, request).await?;
    let event = &listed["events"][0];
    assert_eq!(event["action"], "user.updated");
    assert_eq!(event["actor"]["type"], "user");
    assert_eq!(event["actor"]["name"], crate::support::EMAIL);
    assert_eq!(event["target"]["name"], "nora@demo.test");
    assert_eq!(event["before"]["status"], "ACTIVE");
    assert_eq!(event["after"]["status"], "DISABLED");
    assert_eq!(event["after"]["password_changed"], true);
    assert_eq!(event["ip"], ADDRESS);
    assert_eq!(event["request_id"], REQUEST_ID);
    assert_eq!(listed["events"][1]["action"], "user.created");
    assert!(listed["events"][1]["before"].is_null());

    let all = office
        .many::<String>("SELECT row_to_json(a)::text FROM audit_events a")
        .await?
        .concat();
    for secret in [PHRASE, "another long phrase 3", "argon2"] {
        assert!(!all.contains(secret));
    }
    Ok(())
}

#[tokio::test]
async fn what_is_refused_leaves_nothing() -> Result<()> {
    let office = Office::open().await?;
    let id = office.user("nora@demo.test", &["viewer"]).await?;
    let before = office
        .one::<i64>("SELECT count(*) FROM audit_events")
        .await?;
    let request = pb::UpdateUserRequest {
        user_id: id,
        role_keys: Some(texts(&["nobody"])),
        ..pb::UpdateUserRequest::default()
    };
    assert!(ask!(office, &office.admin, update_user, request).is_err());
    let request = new_user("nora@demo.test", &[]);
    assert!(ask!(office, &office.admin, create_user, request).is_err());
    let after = office
        .one::<i64>("SELECT count(*) FROM audit_events")
        .await?;
    assert_eq!(before, after);
    Ok(())
}

#[tokio::test]
async fn nobody_rewrites_the_trail() -> Result<()> {
    let office = Office::open().await?;
    office.user("nora@demo.test", &[]).await?;
    for rewrite in [
        "UPDATE audit_events SET action = 'nothing'",
        "DELETE FROM audit_events",
        "TRUNCATE audit_events",
    ] {
        let refused = sqlx::query(rewrite)
            .execute(&office.pool)
            .await
            .unwrap_err();
        assert!(refused.to_string().contains("append-only"), "{rewrite}");
    }
    Ok(())
}

#[tokio::test]
async fn the_trail_is_filtered_and_paged_newest_first() -> Result<()> {
    let office = Office::open().await?;
    for name in ["ada", "bea", "cleo"] {
        office.user(&format!("{name}@demo.test"), &[]).await?;
    }
    office.role("lead", &[]).await?;
    let root = office
        .one::<i64>("SELECT min(id) FROM users")
        .await?
        .to_string();
    let created = || pb::ListAuditEventsRequest {
        action: Some("user.created".to_owned()),
        actor_id: Some(root.clone()),
        limit: Some(2),
        ..pb::ListAuditEventsRequest::default()
    };
    let first = events(&office, created()).await?;
    assert_eq!(first["events"][0]["target"]["name"], "cleo@demo.test");
    assert_eq!(first["events"][1]["target"]["name"], "bea@demo.test");
    let request = pb::ListAuditEventsRequest {
        cursor: first["next_cursor"].as_str().map(str::to_owned),
        ..created()
    };
    let second = events(&office, request).await?;
    assert_eq!(second["events"][0]["target"]["name"], "ada@demo.test");
    assert!(second["next_cursor"].is_null());

    let at = first["events"][1]["at"]
        .as_str()
        .expect("a moment")
        .to_owned();
    let since = pb::ListAuditEventsRequest {
        since: Some(at.clone()),
        ..created()
    };
    assert_eq!(
        events(&office, since).await?["events"]
            .as_array()
            .map(Vec::len),
        Some(2)
    );
    let until = pb::ListAuditEventsRequest {
        until: Some(at),
        ..created()
    };
    let until = events(&office, until).await?;
    assert_eq!(until["events"][0]["target"]["name"], "ada@demo.test");
    let nobody = pb::ListAuditEventsRequest {
        actor_id: Some("99".to_owned()),
        ..pb::ListAuditEventsRequest::default()
    };
    assert_eq!(
        events(&office, nobody).await?["events"],
        serde_json::json!([])
    );
    let wrong = pb::ListAuditEventsRequest {
        since: Some("yesterday".to_owned()),
        ..pb::ListAuditEventsRequest::default()
    };
    let answer = ask!(office, &office.admin, list_audit_events, wrong);
    assert_eq!(refused(answer).0, ErrorCode::Validation);
    Ok(())
}
