//! Somebody of another groupe.

use crate::spine::database;
use anyhow::{Context, Result};
use reqwest::{Method, StatusCode};
use serde_json::json;
use sqlx::Executor;
use vigie_testkit::Schema;
use vigie_testkit::api::ApiClient;
use vigie_testkit::stack::Stack;

/// A user with the administrator's password, of a groupe that sells nothing.
const STRANGER: &str = "
    WITH member AS (
        INSERT INTO users (email, password_hash)
        SELECT 'stranger@vigie.local', password_hash FROM users ORDER BY id LIMIT 1 RETURNING id),
    team AS (INSERT INTO teams (crm_group_id, name) VALUES ('98', 'EQUIPE NULLE') RETURNING id),
    role AS (
        INSERT INTO user_roles (user_id, role_id)
        SELECT member.id, roles.id FROM member, roles WHERE key = 'operator')
    INSERT INTO user_teams (user_id, team_id) SELECT member.id, team.id FROM member, team";

/// Lists are empty, single fiches are refused, nothing is told of either.
pub async fn sees_nothing(stack: &Stack, day: &str, fiches: &[String]) -> Result<()> {
    database(stack, Schema::Auth)
        .await?
        .execute(STRANGER)
        .await?;
    let state = stack.state();
    let api = ApiClient::new(&state.gateway_url)?;
    api.login("stranger@vigie.local", &state.admin.password)
        .await?;

    let list = api
        .get(&format!("/api/fiches/status/by-date?date={day}"))
        .await?;
    assert_eq!(list["data"]["total"], 0);
    let range = format!("/api/fiches/status/by-date-range?startDate={day}&endDate={day}");
    assert_eq!(api.get(&range).await?["total"], 0);
    let body = json!({ "ficheIds": fiches });
    let batch = api.post("/api/fiches/status/batch", &body).await?;
    let batch = batch["data"].as_object().context("no batch")?;
    let mut states: Vec<_> = batch.values().collect();
    states.dedup();
    assert_eq!(states.len(), 1, "a status tells one fiche from another");
    assert_eq!(
        (&states[0]["hasData"], &states[0]["audit"]["total"]),
        (&json!(false), &json!(0))
    );
    let fiche = &fiches[0];
    for (method, path) in [
        (Method::GET, format!("/api/fiches/{fiche}")),
        (Method::GET, format!("/api/fiches/{fiche}?refresh=true")),
        (Method::GET, format!("/api/fiches/{fiche}/cache")),
        (Method::GET, format!("/api/fiches/{fiche}/status")),
        (Method::GET, format!("/api/fiches/{fiche}/inspect")),
        (Method::POST, "/api/fiches/backfill".to_owned()),
        (Method::POST, "/api/fiches/reseal".to_owned()),
        (Method::POST, "/api/audits/projection/rebuild".to_owned()),
    ] {
        let body = (method == Method::POST).then(|| json!({}));
        let (status, answer) = api.send(method, &path, body.as_ref()).await?;
        // A status says no more than that there is none in sight.
        let expected = if path.ends_with("/status") {
            StatusCode::NOT_FOUND
        } else {
            StatusCode::FORBIDDEN
        };
        assert_eq!(status, expected, "{path}: {answer}");
    }
    Ok(())
}
