//! Fetch jobs: coverage, progress, failures, repeats, and what webhooks hear.

mod course;
mod others;
mod wishes;

use crate::support::{App, LIMIT, everyone, of};
use chrono::NaiveDate;
use serde_json::Value;
use std::collections::BTreeSet;
use vigie_contracts::fiche::v1 as pb;
use vigie_contracts::fiche::v1::fiche_job_service_client::FicheJobServiceClient;
use vigie_contracts::fiche::v1::fiche_webhook_service_client::FicheWebhookServiceClient;
use vigie_fiche_cache::rpc;
use vigie_identity::Caller;
use vigie_simulators::faults::{Rule, kind};
use vigie_testkit::wait;
use wiremock::matchers::method;
use wiremock::{Mock, MockServer, ResponseTemplate};

type Answer<T> = Result<T, tonic::Status>;

const SALES: &str = "/api/fiches/sales-with-calls";

fn day(day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 1, day).unwrap()
}

fn range(start: u32, end: u32) -> pb::ListByDateRangeRequest {
    pb::ListByDateRangeRequest {
        start_date: day(start).to_string(),
        end_date: day(end).to_string(),
        ..pb::ListByDateRangeRequest::default()
    }
}

impl App {
    async fn range(
        &self,
        caller: &Caller,
        request: pb::ListByDateRangeRequest,
    ) -> Answer<pb::ListByDateRangeResponse> {
        let mut client = FicheJobServiceClient::new(rpc::jobs::service(self.state.clone()));
        let answer = client.list_by_date_range(of(caller, request)).await?;
        Ok(answer.into_inner())
    }

    async fn job(&self, caller: &Caller, id: &str) -> Answer<pb::FetchJob> {
        let mut client = FicheJobServiceClient::new(rpc::jobs::service(self.state.clone()));
        let request = pb::GetFetchJobRequest {
            job_id: id.to_owned(),
        };
        let answer = client.get_fetch_job(of(caller, request)).await?;
        Ok(answer.into_inner().job.unwrap())
    }

    /// Waits for a job to end. The details of new sales are fetched for some time longer.
    async fn ended(&self, id: &str) -> pb::FetchJob {
        let job = wait::until("the end of a job", LIMIT, || async {
            let job = self.job(&everyone(), id).await?;
            Ok(job.completed_at.is_some().then_some(job))
        });
        job.await.unwrap()
    }

    /// The first days asked for, one entry a call.
    fn days_asked(&self) -> Vec<String> {
        let calls = self.sims.crm.calls().calls;
        let lists = calls.iter().filter(|call| call.path == SALES);
        let start = |query: &str| {
            let pair = query
                .split('&')
                .find(|pair| pair.starts_with("start_date="));
            pair.map(|pair| pair["start_date=".len()..].to_owned())
        };
        lists.filter_map(|call| start(&call.query)).collect()
    }

    fn sales_fault(&self, day: NaiveDate, rule: Rule) {
        self.sims.crm.add(Rule {
            path: SALES.to_owned(),
            needle: Some(format!("start_date={day}")),
            ..rule
        });
    }

    async fn deliveries(&self, id: &str) -> pb::ListDeliveriesResponse {
        let mut client = FicheWebhookServiceClient::new(rpc::webhooks::service(self.state.clone()));
        let request = pb::ListDeliveriesRequest {
            job_id: id.to_owned(),
            ..pb::ListDeliveriesRequest::default()
        };
        let answer = client.list_deliveries(of(&everyone(), request)).await;
        answer.unwrap().into_inner()
    }
}

fn unavailable(count: u32) -> Rule {
    Rule {
        status: Some(503),
        count,
        ..Rule::new(kind::STATUS)
    }
}

async fn receiver() -> MockServer {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .respond_with(ResponseTemplate::new(200))
        .mount(&server)
        .await;
    server
}

/// What a receiver heard, each delivery once, by the job's sequence.
async fn heard(server: &MockServer, count: usize) -> Vec<Value> {
    let bodies = wait::until("webhooks", LIMIT, || async {
        let requests = server.received_requests().await.unwrap();
        let ids: BTreeSet<_> = requests
            .iter()
            .map(|request| request.headers["webhook-id"].to_str().unwrap().to_owned())
            .collect();
        assert_eq!(ids.len(), requests.len(), "a delivery came twice");
        Ok((requests.len() == count).then_some(requests))
    });
    let mut bodies: Vec<Value> = bodies
        .await
        .unwrap()
        .iter()
        .map(|request| serde_json::from_slice(&request.body).unwrap())
        .collect();
    bodies.sort_by_key(|body| body["sequence"].as_i64());
    bodies
}
