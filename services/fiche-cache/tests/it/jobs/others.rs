//! Jobs beside others: shared, seen, lost and overdue.

use super::{day, heard, range, receiver};
use crate::support::{App, LIMIT, everyone, of, user};
use chrono::Utc;
use tonic::Code;
use vigie_contracts::fiche::v1 as pb;
use vigie_contracts::fiche::v1::fiche_job_service_client::FicheJobServiceClient;
use vigie_fiche_cache::{rpc, sweeper};
use vigie_identity::{Caller, Scope};
use vigie_simulators::faults::{Rule, kind};
use vigie_testkit::wait;
use wiremock::MockServer;

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
