//! What ranges, lists and selections may ask, and what they leave as it was.

use super::{day, range, unavailable};
use crate::support::{App, everyone, of, service};
use chrono::Utc;
use std::collections::BTreeSet;
use tonic::Code;
use vigie_contracts::fiche::v1 as pb;
use vigie_contracts::fiche::v1::fiche_job_service_client::FicheJobServiceClient;
use vigie_fiche_cache::rpc;
use vigie_identity::ServiceName;
use vigie_service::WireError;

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
