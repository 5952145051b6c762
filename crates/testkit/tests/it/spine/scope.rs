//! Who works for one groupe sees and does nothing of another.

use super::{COMPLIANT, UNANNOUNCED, audit, check_complete, database, fiche_at, options};
use anyhow::{Context, Result};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use sqlx::Executor;
use std::collections::BTreeSet;
use vigie_testkit::Schema;
use vigie_testkit::api::ApiClient;
use vigie_testkit::stack::Stack;

const EMAIL: &str = "nord@vigie.local";

/// A user with the administrator's password who works on the fiches of `EQUIPE NORD`.
const OPERATOR: &str = "
    WITH member AS (
        INSERT INTO users (email, password_hash)
        SELECT 'nord@vigie.local', password_hash FROM users ORDER BY id LIMIT 1 RETURNING id),
    team AS (INSERT INTO teams (crm_group_id, name) VALUES ('31', 'EQUIPE NORD') RETURNING id),
    role AS (
        INSERT INTO user_roles (user_id, role_id)
        SELECT member.id, roles.id FROM member, roles WHERE key = 'operator')
    INSERT INTO user_teams (user_id, team_id) SELECT member.id, team.id FROM member, team";

async fn operator(stack: &Stack) -> Result<ApiClient> {
    let mut auth = database(stack, Schema::Auth).await?;
    auth.execute(OPERATOR).await?;
    let state = stack.state();
    let api = ApiClient::new(&state.gateway_url)?;
    api.login(EMAIL, &state.admin.password).await?;
    Ok(api)
}

/// All texts under `key` in the objects of a list.
fn texts<'a>(list: &'a Value, key: &str) -> BTreeSet<&'a str> {
    let items = list.as_array().into_iter().flatten();
    items.filter_map(|item| item[key].as_str()).collect()
}

#[tokio::test]
async fn another_groupe_is_out_of_sight_and_reach() -> Result<()> {
    let stack = Stack::start(options().await?).await?;
    let admin = stack.api().await?;
    let (own, foreign) =
        tokio::try_join!(fiche_at(&admin, COMPLIANT), fiche_at(&admin, UNANNOUNCED))?;
    let (mine, theirs) =
        tokio::try_join!(audit(&admin, &own, |_| {}), audit(&admin, &foreign, |_| {}))?;
    check_complete(&mine)?;
    check_complete(&theirs)?;
    let id = |detail: &Value| vigie_testkit::api::text(&detail["id"]);
    let (mine, theirs) = (id(&mine.0), id(&theirs.0));
    let before = admin.audits("limit=100").await?;
    assert_eq!(before["pagination"]["total"], 2);

    // What is his, he sees; of the rest, nothing.
    let nord = operator(&stack).await?;
    let date = chrono::Utc::now().date_naive();
    for day in 0..2 {
        let date = date - chrono::Days::new(day);
        let found = nord.fiches_on(&date.to_string()).await?.fiches;
        assert!(found.iter().all(|fiche| fiche.id != foreign));
    }
    let seen = nord.audits("limit=100").await?;
    assert_eq!(texts(&seen["data"], "id"), BTreeSet::from([mine.as_str()]));
    assert_eq!(seen["pagination"]["total"], 1);
    assert_eq!(nord.audit(&mine).await?.status(), "completed");
    assert!(!nord.get(&format!("/api/recordings/{own}")).await?.is_null());
    drop(nord.live(&[&format!("audit-{mine}")]).await?);

    let run = json!({ "fiche_id": foreign });
    for (method, path, body) in [
        (Method::GET, format!("/api/audits/{theirs}"), None),
        (Method::GET, format!("/api/recordings/{foreign}"), None),
        (Method::GET, format!("/api/fiches/{foreign}"), None),
        (
            Method::GET,
            format!("/api/transcriptions/{foreign}/status"),
            None,
        ),
        (
            Method::POST,
            format!("/api/transcriptions/{foreign}"),
            Some(&json!({})),
        ),
        (
            Method::POST,
            "/api/audits/run-latest".to_owned(),
            Some(&run),
        ),
    ] {
        let (status, answer) = nord.send(method, &path, body).await?;
        assert_eq!(status, StatusCode::FORBIDDEN, "{path}: {answer}");
        assert_eq!(answer["code"], "AUTHORIZATION_ERROR", "{path}: {answer}");
    }
    for channel in [format!("audit-{theirs}"), format!("fiche-{foreign}")] {
        // One that is refused refuses all.
        let path = format!("/api/realtime/stream?channels=audit-{mine},{channel}");
        let (status, answer) = nord.send(Method::GET, &path, None).await?;
        assert_eq!(status, StatusCode::FORBIDDEN, "{channel}: {answer}");
        assert_eq!(answer["channel"], channel);
    }
    let of_theirs = nord.audits_of(&foreign).await;
    assert!(of_theirs.map_or(true, |audits| audits.is_empty()));

    assert_eq!(
        admin.audits("limit=100").await?,
        before,
        "nothing was written"
    );
    stack.down().await.context("stop")
}
