//! Fetch jobs: coverage, progress, failures, repeats, and what webhooks hear.

use crate::support::{App, LIMIT, everyone, of, service, user};
use chrono::{NaiveDate, Utc};
use serde_json::Value;
use std::collections::BTreeSet;
use tonic::Code;
use vigie_bus::Sending;
use vigie_contracts::fiche::v1 as pb;
use vigie_contracts::fiche::v1::fiche_job_service_client::FicheJobServiceClient;
use vigie_contracts::fiche::v1::fiche_webhook_service_client::FicheWebhookServiceClient;
use vigie_events::fiche_jobs::{ProgressiveFetchContinue, ProgressiveFetchDay};
use vigie_fiche_cache::{rpc, sweeper};
use vigie_identity::{Caller, Scope, ServiceName};
use vigie_service::WireError;
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

#[tokio::test]
async fn a_range_is_fetched_day_by_day_and_then_covered() {
    let app = App::start().await;
    let receiver = receiver().await;
    let wish = pb::ListByDateRangeRequest {
        webhook_url: Some(format!("{}/hook?token=x", receiver.uri())),
        webhook_secret: Some("whsec_demo".to_owned()),
        ..range(5, 14)
    };
    let first = app.range(&everyone(), wish).await.unwrap();
    let meta = first.meta.unwrap();
    assert_eq!(
        (meta.complete, meta.partial, first.fiches.len()),
        (false, true, 0)
    );
    assert_eq!((meta.total_days_requested, meta.days_remaining), (10, 10));
    let id = meta.background_job_id.unwrap();

    let job = app.ended(&id).await;
    assert_eq!((job.status.as_str(), job.progress), ("complete", 100));
    assert_eq!(
        (job.completed_days, job.total_days, job.total_fiches),
        (10, 10, 56)
    );
    assert_eq!(job.dates_already_fetched.len(), 10);
    // Created, one for each day, complete.
    assert_eq!(job.sequence, 12);
    assert_eq!(app.days_asked().len(), 10);

    // After five days, after the last, and at the end.
    let bodies = heard(&receiver, 3).await;
    let events: Vec<_> = bodies
        .iter()
        .map(|body| body["event"].as_str().unwrap())
        .collect();
    assert_eq!(events, ["progress", "progress", "complete"]);
    assert_eq!(bodies[0]["data"]["completedDays"], 5);
    assert_eq!(bodies[1]["data"]["progress"], 100);
    assert_eq!(bodies[2]["sequence"], 12);
    let told: usize = bodies[..2]
        .iter()
        .filter_map(|body| body["data"]["partialData"].as_array())
        .map(Vec::len)
        .sum();
    assert_eq!(told, 56, "each fiche is told of once");
    let log = app.deliveries(&id).await;
    assert_eq!(log.deliveries.len(), 3);
    assert!(
        log.deliveries
            .iter()
            .all(|one| one.status == "sent" && one.attempts.len() == 1)
    );

    // Days without sales are covered too, and a moment later the same job answers.
    let again = app.range(&everyone(), range(5, 14)).await.unwrap();
    let meta = again.meta.unwrap();
    assert_eq!((meta.complete, again.fiches.len()), (true, 56));
    assert_eq!(meta.background_job_id.as_deref(), Some(id.as_str()));
    let other = app.range(&everyone(), range(6, 14)).await.unwrap();
    let meta = other.meta.unwrap();
    assert_eq!(
        (meta.complete, meta.background_job_id, meta.days_cached),
        (true, None, 9)
    );
    assert_eq!(app.days_asked().len(), 10);
    let clear = "SELECT count(*) FROM outbox WHERE payload LIKE '%whsec%'";
    assert_eq!(app.count(clear).await, 0);
    app.end().await;
}

#[tokio::test]
async fn a_day_that_fails_is_tried_again_and_then_given_up() {
    let app = App::start().await;
    let receiver = receiver().await;
    // Each try asks three times.
    app.sales_fault(day(10), unavailable(4));
    app.sales_fault(day(12), unavailable(0));
    let wish = pb::ListByDateRangeRequest {
        webhook_url: Some(receiver.uri()),
        ..range(10, 12)
    };
    let first = app.range(&everyone(), wish).await.unwrap();
    let id = first.meta.unwrap().background_job_id.unwrap();
    let job = app.ended(&id).await;
    assert_eq!(
        (job.status.as_str(), job.progress, job.completed_days),
        ("failed", 100, 2)
    );
    assert_eq!(job.dates_failed, ["2026-01-12"]);
    let error = job.error.unwrap();
    assert!(
        error.starts_with("1 date(s) failed during progressive fetch (2026-01-12: "),
        "{error}"
    );
    let asked = app.days_asked();
    let of = |day: &str| asked.iter().filter(|asked| *asked == day).count();
    assert_eq!(
        (of("2026-01-10"), of("2026-01-11"), of("2026-01-12")),
        (5, 1, 12)
    );
    let bodies = heard(&receiver, 2).await;
    assert_eq!(bodies[1]["event"], "failed");
    assert_eq!(bodies[1]["data"]["error"], error);
    assert!(
        receiver.received_requests().await.unwrap()[0]
            .headers
            .get("webhook-signature")
            .is_none()
    );

    // A failed job is not used again: what is missing becomes a new one.
    app.sims.crm.clear();
    let second = app.range(&everyone(), range(10, 12)).await.unwrap();
    let meta = second.meta.unwrap();
    assert_eq!(meta.cache_coverage.unwrap().dates_missing, ["2026-01-12"]);
    let next = meta.background_job_id.unwrap();
    assert_ne!(next, id);
    assert_eq!(app.ended(&next).await.status, "complete");
    app.end().await;
}

#[tokio::test]
async fn repeated_and_late_messages_change_nothing() {
    let app = App::start().await;
    let receiver = receiver().await;
    let wish = pb::ListByDateRangeRequest {
        refresh: true,
        webhook_url: Some(receiver.uri()),
        ..range(8, 14)
    };
    let first = app.range(&everyone(), wish).await.unwrap();
    let id = first.meta.unwrap().background_job_id.unwrap();
    // While it runs, each command comes several times.
    for sending in 1..=2 {
        let whole = ProgressiveFetchContinue::message(&id, true);
        app.bus
            .publish(&whole, Sending::Again(sending))
            .await
            .unwrap();
        for date in 8..=14 {
            let one = ProgressiveFetchDay::message(&id, day(date), true, 0);
            app.bus
                .publish(&one, Sending::Again(sending + 10))
                .await
                .unwrap();
        }
    }
    let job = app.ended(&id).await;
    assert_eq!((job.status.as_str(), job.sequence), ("complete", 9));
    heard(&receiver, 3).await;
    // In a month, when nobody remembers.
    app.execute("DELETE FROM inbox").await;
    for date in 8..=14 {
        let one = ProgressiveFetchDay::message(&id, day(date), true, 0);
        app.bus.publish(&one, Sending::Again(20)).await.unwrap();
    }
    wait::until("the repeats", LIMIT, || async {
        Ok((app.count("SELECT count(*) FROM inbox").await >= 7).then_some(()))
    })
    .await
    .unwrap();
    let mut asked = app.days_asked();
    asked.sort_unstable();
    let days: Vec<_> = (8..=14).map(|date| day(date).to_string()).collect();
    assert_eq!(asked, days, "each day once");
    assert_eq!(app.job(&everyone(), &id).await.unwrap().sequence, 9);
    heard(&receiver, 3).await;
    app.end().await;
}

#[tokio::test]
async fn a_refresh_asks_again_for_covered_days_but_not_twice_in_a_moment() {
    let app = App::start().await;
    let first = app.range(&everyone(), range(13, 14)).await.unwrap();
    app.ended(&first.meta.unwrap().background_job_id.unwrap())
        .await;
    let refresh = || pb::ListByDateRangeRequest {
        refresh: true,
        ..range(13, 14)
    };
    let second = app
        .range(&everyone(), refresh())
        .await
        .unwrap()
        .meta
        .unwrap();
    assert_eq!((second.days_fetched, second.days_remaining), (0, 2));
    let id = second.background_job_id.unwrap();
    app.ended(&id).await;
    assert_eq!(app.days_asked().len(), 4);
    let third = app
        .range(&everyone(), refresh())
        .await
        .unwrap()
        .meta
        .unwrap();
    assert_eq!((third.background_job_id, third.complete), (Some(id), true));
    assert_eq!(app.days_asked().len(), 4);
    app.end().await;
}

#[tokio::test]
async fn two_at_once_share_a_job_and_each_listener_hears_its_end() {
    let app = App::start().await;
    let (one, other) = (receiver().await, receiver().await);
    let wish = |server: &MockServer| pb::ListByDateRangeRequest {
        webhook_url: Some(server.uri()),
        ..range(12, 14)
    };
    let caller = everyone();
    let (first, second) = tokio::join!(
        app.range(&caller, wish(&one)),
        app.range(&caller, wish(&other))
    );
    let id = first.unwrap().meta.unwrap().background_job_id.unwrap();
    assert_eq!(
        second.unwrap().meta.unwrap().background_job_id.as_deref(),
        Some(id.as_str())
    );
    app.ended(&id).await;
    assert_eq!(heard(&one, 2).await[1]["event"], "complete");
    assert_eq!(heard(&other, 2).await[1]["event"], "complete");
    // One who comes when it is over.
    let late = receiver().await;
    app.range(&caller, wish(&late)).await.unwrap();
    assert_eq!(heard(&late, 1).await[0]["event"], "complete");
    app.end().await;
}

#[tokio::test]
async fn jobs_are_seen_by_their_creator_and_by_who_sees_all() {
    let app = App::start().await;
    let mine = user(Scope::Group, "EQUIPE NORD", "107");
    let first = app.range(&mine, range(13, 14)).await.unwrap();
    let id = first.meta.unwrap().background_job_id.unwrap();
    app.ended(&id).await;
    app.details().await;
    let job = app.job(&mine, &id).await.unwrap();
    let all: i64 = app.count("SELECT count(*) FROM fiche_cache").await;
    let own = "SELECT count(*) FROM fiche_cache WHERE groupe_effectif = 'EQUIPE NORD'";
    let own = app.count(own).await;
    assert!(own > 0 && own < all);

    // Lists follow the reader's scope, the job its creator's.
    let list = app.range(&mine, range(13, 14)).await.unwrap();
    assert_eq!(i64::try_from(list.fiches.len()), Ok(own));
    let visibility = list.meta.unwrap().visibility.unwrap();
    assert_eq!(
        (visibility.scope.as_str(), visibility.awaiting_details),
        ("GROUP", 0)
    );
    assert_eq!(job.total_days, 2);

    let mut stranger = user(Scope::Group, "EQUIPE NORD", "107");
    let principal = std::sync::Arc::make_mut(stranger.principal.as_mut().unwrap());
    principal.kind = vigie_identity::PrincipalKind::User("2".parse().unwrap());
    let refused = app.job(&stranger, &id).await.unwrap_err();
    assert_eq!(refused.code(), Code::NotFound);
    assert_eq!(refused.message(), "Job not found");
    let mut client = FicheJobServiceClient::new(rpc::jobs::service(app.state.clone()));
    let listed = |caller: &Caller| of(caller, pb::ListFetchJobsRequest::default());
    let jobs = client.list_fetch_jobs(listed(&stranger)).await.unwrap();
    assert_eq!(jobs.into_inner().jobs, []);
    let jobs = client.list_fetch_jobs(listed(&everyone())).await.unwrap();
    assert_eq!(jobs.into_inner().jobs[0].id, id);
    let poll = pb::PollFetchJobRequest { job_id: id.clone() };
    let polled = client
        .poll_fetch_job(of(&mine, poll))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(
        (
            i64::try_from(polled.fiches.len()),
            i64::from(polled.fiches_count)
        ),
        (Ok(own), own)
    );
    assert!(
        polled
            .data_url
            .unwrap()
            .ends_with("startDate=2026-01-13&endDate=2026-01-14")
    );
    app.stop().await;
}

#[tokio::test]
async fn lost_commands_are_sent_again_and_a_deadline_ends_what_stays_open() {
    let app = App::start().await;
    app.sales_fault(day(14), Rule::new(kind::HANG));
    let first = app.range(&everyone(), range(13, 14)).await.unwrap();
    let id = first.meta.unwrap().background_job_id.unwrap();
    wait::until("the first day", LIMIT, || async {
        let job = app.job(&everyone(), &id).await?;
        Ok((job.completed_days == 1).then_some(()))
    })
    .await
    .unwrap();
    let repairs = sweeper::round(&app.state, None).await.unwrap();
    assert_eq!((repairs.lost, repairs.overdue), (0, 0));
    // A stream younger than the command never held it.
    let repairs = sweeper::round(&app.state, Some(Utc::now())).await.unwrap();
    assert_eq!(repairs.lost, 1);
    app.execute("UPDATE progressive_fetch_jobs SET deadline_at = now()")
        .await;
    let repairs = sweeper::round(&app.state, None).await.unwrap();
    assert_eq!(repairs.overdue, 1);
    let job = app.job(&everyone(), &id).await.unwrap();
    assert_eq!((job.status.as_str(), job.progress), ("failed", 100));
    assert_eq!(job.dates_failed, ["2026-01-14"]);
    assert!(job.error.unwrap().contains("deadline"));
    // Both recent days were to be looked at, and are not asked for again within the hour.
    assert_eq!(
        app.count("SELECT count(*) FROM sales_days WHERE asked_at IS NOT NULL")
            .await,
        2
    );
    app.sims.crm.clear();
    app.end().await;
}

#[tokio::test]
async fn a_sales_list_adds_and_never_damages() {
    let app = App::start().await;
    let fiche = crate::support::fiche(7);
    let details = app.fetch("a", &fiche, false).await.fetched();
    let first = app.range(&everyone(), range(14, 14)).await.unwrap();
    let id = first.meta.unwrap().background_job_id.unwrap();
    let job = app.ended(&id).await;
    assert_eq!(job.total_fiches, 8);
    app.details().await;
    let fact = app.summary_fact(&fiche, 2).await;
    assert_eq!(fact.summary.fetched_at, details.summary.fetched_at);
    assert_eq!(fact.summary.recordings_count, Some(8));
    assert!(fact.summary.last_revalidated_at.is_some());
    let full = "SELECT count(*) FROM fiche_cache WHERE state = 'full' AND sales_date_confirmed";
    assert_eq!(app.count(full).await, 8, "new sales got their details");
    app.stop().await;
}

#[tokio::test]
async fn automation_selects_and_revalidates() {
    use pb::DayOutcome::{Failed, Fresh, Refreshed};
    let app = App::start().await;
    let automation = service(ServiceName::Automation);
    let mut client = FicheJobServiceClient::new(rpc::jobs::service(app.state.clone()));
    app.sales_fault(day(12), unavailable(0));
    let dates = ["2026-01-12", "2026-01-13", "2026-01-14"].map(str::to_owned);
    let revalidate = |cooldown_ms| pb::RevalidateDaysRequest {
        dates: dates.to_vec(),
        cooldown_ms,
        crm_token: None,
    };
    let answer = client
        .revalidate_days(of(&automation, revalidate(60_000)))
        .await
        .unwrap();
    let outcomes = |days: &[pb::RevalidatedDay]| -> Vec<(pb::DayOutcome, i32)> {
        days.iter().map(|day| (day.outcome(), day.fiches)).collect()
    };
    let days = answer.into_inner().days;
    assert_eq!(
        outcomes(&days),
        [(Failed, 0), (Refreshed, 8), (Refreshed, 8)]
    );
    assert!(days[0].retryable && days[0].error.is_some());
    let answer = client
        .revalidate_days(of(&automation, revalidate(60_000)))
        .await
        .unwrap();
    assert_eq!(
        outcomes(&answer.into_inner().days),
        [(Failed, 0), (Fresh, 8), (Fresh, 8)]
    );
    let refused = client.revalidate_days(of(&everyone(), revalidate(0))).await;
    assert_eq!(refused.unwrap_err().code(), Code::PermissionDenied);

    let days = pb::GetDaysRequest {
        dates: dates.to_vec(),
    };
    let days = client
        .get_days(of(&automation, days))
        .await
        .unwrap()
        .into_inner()
        .days;
    let covered: Vec<_> = days.iter().map(|day| (day.covered, day.expected)).collect();
    assert_eq!(covered, [(false, 0), (true, 8), (true, 8)]);
    assert!(days[0].last_error.is_some());

    app.details().await;
    let select = |change: &dyn Fn(&mut pb::SelectFichesRequest)| {
        let mut request = pb::SelectFichesRequest {
            dates: dates.to_vec(),
            ..pb::SelectFichesRequest::default()
        };
        change(&mut request);
        request
    };
    let mut chosen = async |request| {
        let answer = client.select_fiches(of(&automation, request)).await;
        let answer = answer.unwrap().into_inner();
        (answer.fiches, answer.truncated)
    };
    let (all, truncated) = chosen(select(&|_| {})).await;
    assert_eq!((all.len(), truncated), (16, false));
    let (some, truncated) = chosen(select(&|request| request.limit = Some(3))).await;
    assert_eq!((&some[..], truncated), (&all[..3], true));
    let (north, _) = chosen(select(&|request| {
        request.groupes = vec!["EQUIPE NORD".to_owned()];
    }))
    .await;
    assert!(
        !north.is_empty()
            && north
                .iter()
                .all(|it| it.groupe.as_deref() == Some("EQUIPE NORD"))
    );
    let (heard, _) = chosen(select(&|request| request.only_with_recordings = true)).await;
    assert!(heard.len() < all.len() && heard.iter().all(|it| it.has_recordings));
    let scope = pb::SelectionScope {
        all: false,
        groupes: vec!["EQUIPE NORD".to_owned()],
        crm_user_id: None,
    };
    let (scoped, _) = chosen(select(&|request| request.scope = Some(scope.clone()))).await;
    assert_eq!(scoped.len(), north.len());
    app.stop().await;
}

#[tokio::test]
async fn impossible_wishes_are_refused_in_the_contract_s_words() {
    let app = App::start().await;
    let refused = async |change: &dyn Fn(&mut pb::ListByDateRangeRequest)| {
        let mut request = range(13, 14);
        change(&mut request);
        let status = app.range(&everyone(), request).await.unwrap_err();
        let error = WireError::from(&status);
        assert_eq!(error.code.wire(), "VALIDATION_ERROR");
        error.message
    };
    let missing = "Missing or invalid startDate parameter (YYYY-MM-DD required)";
    assert_eq!(refused(&|it| it.start_date.clear()).await, missing);
    let format = "Invalid date format. Use YYYY-MM-DD";
    assert_eq!(
        refused(&|it| it.end_date = "2026-02-30".to_owned()).await,
        format
    );
    let order = "startDate must be before or equal to endDate";
    assert_eq!(
        refused(&|it| it.end_date = "2026-01-12".to_owned()).await,
        order
    );
    let long = "Date range must not exceed 92 days";
    assert_eq!(
        refused(&|it| it.start_date = "2025-10-01".to_owned()).await,
        long
    );
    let private = "webhookUrl IP not allowed";
    let url = Some("https://10.0.0.1/".to_owned());
    assert_eq!(refused(&|it| it.webhook_url = url.clone()).await, private);
    assert!(
        refused(&|it| it.limit = Some(501))
            .await
            .starts_with("limit")
    );
    assert_eq!(
        refused(&|it| it.cursor = Some("x".to_owned())).await,
        "Invalid cursor"
    );

    let future = pb::ListByDateRangeRequest {
        start_date: "2999-01-01".to_owned(),
        end_date: "2999-01-02".to_owned(),
        ..pb::ListByDateRangeRequest::default()
    };
    let answer = app.range(&everyone(), future).await.unwrap();
    let meta = answer.meta.unwrap();
    assert_eq!(
        (answer.end_date.as_str(), meta.complete),
        ("2999-01-02", true)
    );
    assert_eq!(
        (meta.background_job_id, meta.total_days_requested),
        (None, 0)
    );
    let today = Utc::now().date_naive();
    let open = pb::ListByDateRangeRequest {
        start_date: today.to_string(),
        end_date: "2999-01-02".to_owned(),
        ..pb::ListByDateRangeRequest::default()
    };
    let answer = app.range(&everyone(), open).await.unwrap();
    assert!(answer.end_date.as_str() < "2999");
    app.ended(&answer.meta.unwrap().background_job_id.unwrap())
        .await;
    assert_eq!(
        app.count("SELECT count(*) FROM progressive_fetch_jobs")
            .await,
        1
    );
    app.end().await;
}

#[tokio::test]
async fn lists_can_be_read_page_by_page() {
    let app = App::start().await;
    let first = app.range(&everyone(), range(12, 14)).await.unwrap();
    app.ended(&first.meta.unwrap().background_job_id.unwrap())
        .await;
    let mut seen = BTreeSet::new();
    let mut cursor = None;
    loop {
        let page = pb::ListByDateRangeRequest {
            limit: Some(10),
            cursor: cursor.take(),
            ..range(12, 14)
        };
        let answer = app.range(&everyone(), page).await.unwrap();
        seen.extend(answer.fiches.into_iter().map(|fiche| fiche.fiche_id));
        cursor = answer.meta.unwrap().next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(seen.len(), 24);
    app.end().await;
}
