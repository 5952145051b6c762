//! The course of a job: days, repeats, failures, refreshes.

use super::{day, heard, range, receiver, unavailable};
use crate::support::{App, LIMIT, everyone};
use vigie_bus::Sending;
use vigie_contracts::fiche::v1 as pb;
use vigie_events::fiche_jobs::{ProgressiveFetchContinue, ProgressiveFetchDay};
use vigie_testkit::wait;

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
    // The receiver has heard before the sender has noted it.
    let log = wait::until("the log of webhooks", LIMIT, || async {
        let log = app.deliveries(&id).await;
        let noted = log.deliveries.iter().all(|one| !one.attempts.is_empty());
        Ok(noted.then_some(log))
    });
    let log = log.await.unwrap();
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
