//! What makes no sense, or comes from nobody, is refused with the contract's words.

use super::{database, options};
use anyhow::{Context, Result};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use vigie_testkit::Schema;
use vigie_testkit::api::ApiClient;
use vigie_testkit::stack::{Service, Stack};

const MAX_BODY: usize = 4096;

pub(super) async fn check(
    api: &ApiClient,
    (method, path, body): (Method, &str, Option<Value>),
    (status, code): (u16, &str),
) -> Result<()> {
    let (got, answer) = api.send(method.clone(), path, body.as_ref()).await?;
    let found = (got.as_u16(), answer["code"].as_str());
    assert_eq!(found, (status, Some(code)), "{method} {path}: {answer}");
    assert_eq!(answer["success"], false, "{method} {path}: {answer}");
    Ok(())
}

async fn raw(api: &ApiClient, body: String) -> Result<(StatusCode, Value)> {
    let request = api.request(Method::POST, "/api/audits/run");
    let request = request.header("content-type", "application/json");
    let answer = request.body(body).send().await?;
    Ok((answer.status(), answer.json().await?))
}

/// Tokens that look like the real one.
fn forgeries(token: &str) -> Result<Vec<String>> {
    let [head, claims, signature]: [&str; 3] = token
        .split('.')
        .collect::<Vec<_>>()
        .try_into()
        .ok()
        .context("three parts")?;
    let mut other = signature.to_owned();
    let first = if other.starts_with('A') { "B" } else { "A" };
    other.replace_range(..1, first);
    // {"alg":"none","typ":"JWT"}
    let none = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0";
    Ok(vec![
        format!("{head}.{claims}.{other}"),
        format!("{head}.{claims}."),
        format!("{none}.{claims}."),
        format!("{head}.e30.{signature}"),
        "e30.e30.e30".to_owned(),
        "nonsense".to_owned(),
    ])
}

#[tokio::test]
async fn strangers_and_nonsense_are_refused() -> Result<()> {
    let size = MAX_BODY.to_string();
    let options = options().await?;
    let options = options
        .with_service_env(Service::Gateway, "HTTP_MAX_BODY_BYTES", &size)
        .with_env("AUDIT_RUNS_PER_MINUTE", "1");
    let stack = Stack::start(options).await?;
    let api = stack.api().await?;
    strangers(&stack, &api).await?;

    let configs = api.audit_configs().await?;
    let retired = configs.last().context("no configuration is seeded")?;
    sqlx::query("UPDATE audit_configs SET is_active = false WHERE id = $1")
        .bind(retired)
        .execute(&mut database(&stack, Schema::Audit).await?)
        .await?;
    let run = |config: Value| json!({ "fiche_id": "1", "audit_config_id": config });
    let schedule = json!({ "scheduleId": 987_654 });
    let (get, post) = (Method::GET, Method::POST);
    let runs = "/api/audits/run";
    for (request, expected) in [
        (
            (&post, runs, Some(run(json!("x")))),
            (400, "VALIDATION_ERROR"),
        ),
        (
            (&post, runs, Some(run(json!(-1)))),
            (400, "VALIDATION_ERROR"),
        ),
        ((&post, runs, Some(json!({}))), (400, "VALIDATION_ERROR")),
        ((&post, runs, Some(run(json!(987_654)))), (404, "NOT_FOUND")),
        (
            (&post, runs, Some(run(json!(retired)))),
            (400, "VALIDATION_ERROR"),
        ),
        ((&get, "/api/audits/x", None), (400, "VALIDATION_ERROR")),
        ((&get, "/api/audits/987654", None), (404, "NOT_FOUND")),
        (
            (&get, "/api/automation/runs/x", None),
            (400, "VALIDATION_ERROR"),
        ),
        (
            (&get, "/api/automation/runs/987654", None),
            (404, "NOT_FOUND"),
        ),
        (
            (&post, "/api/automation/trigger", Some(schedule)),
            (404, "NOT_FOUND"),
        ),
        (
            (&get, "/api/fiches/search?date=hier", None),
            (400, "VALIDATION_ERROR"),
        ),
        (
            (&get, "/api/realtime/stream?channels=a%20b", None),
            (400, "VALIDATION_ERROR"),
        ),
        ((&get, "/api/nothing", None), (404, "NOT_FOUND")),
        ((&Method::DELETE, runs, None), (405, "METHOD_NOT_ALLOWED")),
        (
            (&post, "/api/fiches/search", None),
            (405, "METHOD_NOT_ALLOWED"),
        ),
    ] {
        let (method, path, body) = request;
        check(&api, (method.clone(), path, body), expected).await?;
    }
    for body in ["{not json", "7", "{\"fiche_id\": \"1\"", "\u{feff}{}"] {
        let (status, answer) = raw(&api, body.to_owned()).await?;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{body}: {answer}");
        assert_eq!(answer["code"], "INVALID_JSON", "{body}: {answer}");
    }
    let large = json!({ "fiche_id": "1".repeat(MAX_BODY) });
    let (status, answer) = raw(&api, large.to_string()).await?;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE, "{answer}");
    assert_eq!(answer["code"], "PAYLOAD_TOO_LARGE");

    let list = api.audits("limit=10").await?;
    assert_eq!(list["pagination"]["total"], 0, "nothing was written");
    hasty(&api).await?;
    stack.down().await
}

/// Refusals counted nothing: one audit is taken, the next one waits.
async fn hasty(api: &ApiClient) -> Result<()> {
    api.run_latest_audit("1").await?;
    let body = json!({ "fiche_id": "1" });
    let run = || {
        api.request(Method::POST, "/api/audits/run-latest")
            .json(&body)
    };
    let answer = run().send().await?;
    assert_eq!(answer.status(), StatusCode::TOO_MANY_REQUESTS);
    let wait = answer.headers().get("retry-after").context("no time")?;
    let wait: u64 = wait.to_str()?.parse()?;
    assert!((30..=60).contains(&wait), "{wait}");
    let answer: Value = answer.json().await?;
    assert_eq!(answer["code"], "RATE_LIMITED", "{answer}");
    Ok(())
}

async fn strangers(stack: &Stack, api: &ApiClient) -> Result<()> {
    let stranger = ApiClient::new(&stack.state().gateway_url)?;
    let refused = (401, "AUTHENTICATION_ERROR");
    let token = api.token().context("logged in")?;
    let mut tokens = vec![None];
    tokens.extend(forgeries(&token)?.into_iter().map(Some));
    for token in tokens {
        if let Some(token) = token {
            stranger.use_token(&token);
        }
        for path in ["/api/audits", "/api/nothing", "/api/auth/me"] {
            check(&stranger, (Method::GET, path, None), refused).await?;
        }
        let body = json!({ "fiche_id": "1", "audit_config_id": 1 });
        let run = (Method::POST, "/api/audits/run", Some(body));
        check(&stranger, run, refused).await?;
    }
    let login = json!({ "email": stack.state().admin.email, "password": "wrong" });
    let login = (Method::POST, "/api/auth/login", Some(login));
    check(&ApiClient::new(stranger.base())?, login, refused).await
}
