//! A month of sales, fetched by a service that keeps dying.

use super::{database, options};
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use vigie_testkit::api::ApiClient;
use vigie_testkit::stack::{Service, Simulator, Stack};
use vigie_testkit::{Schema, wait};
use wiremock::matchers::method;
use wiremock::{Mock, MockServer, ResponseTemplate};

const LIMIT: Duration = Duration::from_mins(4);
const FICHES: i64 = 3_000;
const SALES: &str = "/api/fiches/sales-with-calls";

/// The simulated CRM's load of a month in the past.
async fn stack() -> Result<Stack> {
    let mut options = options()
        .await?
        .with_env("FICHE_SALES_INCLUDE_RECORDINGS", "1")
        // Details of new sales are not what is measured here.
        .with_env("FICHE_FETCH_CONCURRENCY", "1")
        .with_env("FICHE_REVALIDATE_RECENT_DAYS", "0");
    let bulk = format!("{FICHES}@2025-03-01..2025-03-31");
    options.simulator_args = vec!["--crm-bulk".to_owned(), bulk];
    Stack::start(options).await
}

async fn job(api: &ApiClient, id: &str) -> Result<Value> {
    let answer = api.get(&format!("/api/fiches/jobs/{id}")).await?;
    Ok(answer["job"].clone())
}

async fn until_days(api: &ApiClient, id: &str, days: i64) -> Result<Value> {
    wait::until("days of the job", LIMIT, || async {
        let job = job(api, id).await?;
        Ok((job["completedDays"].as_i64() >= Some(days)).then_some(job))
    })
    .await
}

async fn receiver() -> MockServer {
    let server = MockServer::start().await;
    let answer = ResponseTemplate::new(200);
    Mock::given(method("POST"))
        .respond_with(answer)
        .mount(&server)
        .await;
    server
}

/// What the receiver heard: delivery ids by event and place in the job's sequence.
async fn heard(server: &MockServer) -> Result<BTreeMap<(String, i64), BTreeSet<String>>> {
    let requests = server.received_requests().await.context("no record")?;
    let mut heard: BTreeMap<_, BTreeSet<String>> = BTreeMap::new();
    for request in requests {
        let body: Value = serde_json::from_slice(&request.body)?;
        let event = body["event"].as_str().unwrap_or_default().to_owned();
        let place = (event, body["sequence"].as_i64().unwrap_or_default());
        let id = request.headers["webhook-id"].to_str()?.to_owned();
        heard.entry(place).or_default().insert(id);
    }
    Ok(heard)
}

/// How often the CRM was asked for each day.
async fn asked(stack: &Stack) -> Result<BTreeMap<String, usize>> {
    let calls = stack.calls(Simulator::Crm).await?;
    let mut asked = BTreeMap::new();
    for call in calls["calls"].as_array().context("no calls")? {
        if call["path"] == SALES {
            let query = call["query"].as_str().unwrap_or_default().to_owned();
            *asked.entry(query).or_default() += 1;
        }
    }
    Ok(asked)
}

#[tokio::test]
async fn a_month_is_fetched_once_whatever_dies() -> Result<()> {
    let stack = stack().await?;
    let api = stack.api().await?;
    let receiver = receiver().await;
    let slow = json!({ "kind": "latency", "latency_ms": 100, "path": SALES });
    stack.fault(Simulator::Crm, &slow).await?;

    let wish = json!({
        "startDate": "2025-03-01", "endDate": "2025-03-31",
        "webhookUrl": format!("{}/hook", receiver.uri()), "webhookSecret": "whsec_demo"
    });
    let answer = api.post("/api/fiches/status/by-date-range", &wish).await?;
    let id = answer["meta"]["backgroundJobId"].as_str();
    let id = id.context("no job")?.to_owned();
    let kills = [3, 12, 20];
    for days in kills {
        until_days(&api, &id, days).await?;
        stack.kill(Service::FicheCache, 1).await?;
    }
    let ended = wait::until("the end of the job", LIMIT, || async {
        let job = job(&api, &id).await?;
        Ok((!job["completedAt"].is_null()).then_some(job))
    })
    .await?;
    ensure!(ended["status"] == "complete", "{ended}");
    assert_eq!(ended["completedDays"], 31);
    assert_eq!(ended["totalFiches"], FICHES);
    // Created, one for each day, complete: nothing was told twice.
    assert_eq!(ended["sequence"], 33);

    // Only a day that was being fetched at a kill may have been asked for again.
    let asked = asked(&stack).await?;
    assert_eq!(asked.len(), 31);
    let more: usize = asked.values().map(|times| times - 1).sum();
    assert!(more <= kills.len(), "{asked:?}");
    let mut conn = database(&stack, Schema::Fiche).await?;
    let done: i64 =
        sqlx::query_scalar("SELECT count(*) FROM progressive_fetch_job_days WHERE state = 'done'")
            .fetch_one(&mut conn)
            .await?;
    assert_eq!(done, 31);

    // Six times five days, the last day, the end; each under one id, however often it came.
    let heard = wait::until("webhooks", LIMIT, || async {
        let heard = heard(&receiver).await?;
        Ok((heard.len() == 8).then_some(heard))
    })
    .await?;
    assert!(heard.values().all(|ids| ids.len() == 1), "{heard:?}");
    assert!(heard.contains_key(&("complete".to_owned(), 33)));
    stack.down().await
}
