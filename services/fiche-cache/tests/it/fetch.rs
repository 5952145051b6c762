//! `fiche/fetch` and its answers.

use crate::support::{App, fiche};
use std::time::Duration;
use vigie_bus::Sending;
use vigie_events::Lane;
use vigie_events::fiche::FetchFailure;
use vigie_fiche_cache::config::Lifetimes;
use vigie_simulators::faults::{Rule, kind};

fn without_cooldown() -> Lifetimes {
    Lifetimes {
        cooldown: Duration::ZERO,
        ..Lifetimes::default()
    }
}

fn status(status: u16, count: u32) -> Rule {
    Rule {
        status: Some(status),
        count,
        ..Rule::new(kind::STATUS)
    }
}

#[tokio::test]
async fn a_fiche_is_fetched_once_and_then_cached() {
    let app = App::start().await;
    let fiche = fiche(7);
    let first = app.fetch("a", &fiche, false).await.fetched();
    assert!(!first.cached && first.fetch_duration_ms.is_some());
    assert_eq!((first.recordings_count, first.summary.version), (8, 1));
    assert!(first.summary.has_recordings && first.summary.groupe.is_some());
    assert_eq!(first.summary.sales_date, Some(crate::support::today()));
    // Forced, but within the cooldown.
    let second = app.fetch("b", &fiche, true).await.fetched();
    assert!(second.cached);
    assert_eq!(
        (second.cache_id, second.summary),
        (first.cache_id, first.summary)
    );
    assert_eq!(app.asked(&fiche), 1);
    app.stop().await;
}

#[tokio::test]
async fn a_repeated_command_changes_nothing_today_or_in_a_week() {
    let app = App::with(without_cooldown()).await;
    let fiche = fiche(0);
    app.fetch("a", &fiche, true).await.fetched();
    app.send("a", &fiche, true, Lane::Interactive, Sending::Again(1))
        .await;
    // The lane has one slot: when this one is answered, the repeat was settled.
    let after = app.fetch("b", &fiche, false).await.fetched();
    assert_eq!((after.summary.version, app.asked(&fiche)), (1, 1));
    app.execute("DELETE FROM inbox").await;
    app.send("a", &fiche, false, Lane::Interactive, Sending::Again(2))
        .await;
    let after = app.fetch("c", &fiche, false).await.fetched();
    assert_eq!((after.summary.version, app.asked(&fiche)), (1, 1));
    app.stop().await;
}

#[tokio::test]
async fn without_cooldown_a_forced_fetch_asks_again() {
    let app = App::with(without_cooldown()).await;
    let fiche = fiche(1);
    app.fetch("a", &fiche, true).await.fetched();
    let second = app.fetch("b", &fiche, true).await.fetched();
    assert!(!second.cached);
    assert_eq!((second.summary.version, app.asked(&fiche)), (2, 2));
    app.stop().await;
}

#[tokio::test]
async fn a_spurious_404_is_not_believed() {
    let app = App::start().await;
    let fiche = fiche(2);
    let rule = Rule {
        count: 2,
        ..Rule::new(kind::NOT_FOUND_THEN_OK)
    };
    app.fault(&fiche, rule);
    app.fetch("a", &fiche, false).await.fetched();
    assert_eq!(app.asked(&fiche), 3);
    app.stop().await;
}

#[tokio::test]
async fn an_unknown_fiche_is_marked_for_a_while() {
    let app = App::start().await;
    let failed = app.fetch("a", "999", true).await.failed();
    assert_eq!(
        (failed.kind, failed.error.as_str()),
        (FetchFailure::NotFound, "Fiche 999 not found")
    );
    let asked = app.asked("999");
    let failed = app.fetch("b", "999", true).await.failed();
    assert_eq!(failed.kind, FetchFailure::NotFound);
    assert_eq!(app.asked("999"), asked, "the marker answers");
    app.execute("UPDATE fiche_cache SET not_found_until = now()")
        .await;
    app.fetch("c", "999", false).await.failed();
    assert!(app.asked("999") > asked, "the marker has ended");
    assert_eq!(
        app.fetch("d", "abc", false).await.failed().kind,
        FetchFailure::NotFound
    );
    assert_eq!(app.count("SELECT count(*) FROM fiche_cache").await, 1);
    app.stop().await;
}

#[tokio::test]
async fn full_details_outlive_404s_until_they_have_lasted() {
    let app = App::with(without_cooldown()).await;
    let fiche = fiche(3);
    app.fetch("a", &fiche, false).await.fetched();
    app.fault(&fiche, status(404, 0));
    let ago = "UPDATE fiche_cache SET not_found_at = not_found_at - interval '6 minutes'";
    // The second comes too soon after the first to prove anything more.
    for id in ["b", "c"] {
        assert!(app.fetch(id, &fiche, true).await.fetched().cached);
    }
    app.execute(ago).await;
    assert!(app.fetch("d", &fiche, true).await.fetched().cached);
    app.execute(ago).await;
    let failed = app.fetch("e", &fiche, true).await.failed();
    assert_eq!(failed.kind, FetchFailure::NotFound);
    assert_eq!(
        app.count("SELECT count(*) FROM fiche_cache_information")
            .await,
        1
    );
    // It is back: everything counts again.
    app.sims.crm.clear();
    assert!(!app.fetch("f", &fiche, true).await.fetched().cached);
    assert_eq!(
        app.count("SELECT not_found_count::bigint FROM fiche_cache")
            .await,
        0
    );
    app.stop().await;
}

#[tokio::test]
async fn a_busy_crm_is_left_alone_as_long_as_it_says() {
    let app = App::start().await;
    let fiche = fiche(0);
    let rule = Rule {
        retry_after: Some(1),
        ..status(429, 1)
    };
    app.fault(&fiche, rule);
    app.fetch("a", &fiche, false).await.fetched();
    let calls = app.sims.crm.calls().calls;
    let at: Vec<i64> = calls.iter().map(|call| call.at_ms).collect();
    assert!(at[1] - at[0] >= 1000, "{at:?}");
    app.stop().await;
}

#[tokio::test]
async fn refused_credentials_end_the_fetch_at_once() {
    let app = App::start().await;
    let fiche = fiche(0);
    app.fault(&fiche, status(401, 0));
    let failed = app.fetch("a", &fiche, false).await.failed();
    assert_eq!((failed.kind, failed.attempts), (FetchFailure::Auth, 1));
    assert_eq!(
        failed.error,
        format!("Authentication failed for fiche {fiche}")
    );
    assert_eq!(app.asked(&fiche), 1);
    app.stop().await;
}

#[tokio::test]
async fn a_crm_that_stays_down_is_reported_after_the_last_attempt() {
    let app = App::start().await;
    let fiche = fiche(0);
    app.fault(&fiche, status(503, 0));
    let failed = app.fetch("a", &fiche, false).await.failed();
    assert_eq!((failed.kind, failed.attempts), (FetchFailure::Upstream, 3));
    assert_eq!(app.asked(&fiche), 9);
    app.stop().await;
}

#[tokio::test]
async fn details_without_information_are_invalid() {
    let app = App::start().await;
    let fiche = fiche(0);
    let section = Some("information".into());
    app.fault(
        &fiche,
        Rule {
            body: section,
            ..Rule::new("missing_section")
        },
    );
    let failed = app.fetch("a", &fiche, false).await.failed();
    assert_eq!(failed.kind, FetchFailure::Invalid);
    assert_eq!(app.count("SELECT count(*) FROM fiche_cache").await, 0);
    app.stop().await;
}

#[tokio::test]
async fn one_fetch_of_a_fiche_at_a_time_serves_all() {
    let app = App::start().await;
    let fiche = fiche(0);
    app.fault(
        &fiche,
        Rule {
            latency_ms: Some(400),
            ..Rule::new(kind::LATENCY)
        },
    );
    app.send("a", &fiche, true, Lane::Interactive, Sending::First)
        .await;
    app.send("b", &fiche, true, Lane::Bulk, Sending::First)
        .await;
    // Only the last fact of a fiche can be read back: the later one tells that both are through.
    let handled = vigie_testkit::wait::until("both", crate::support::LIMIT, || async {
        let handled = app.count("SELECT count(*) FROM inbox").await;
        Ok((handled == 2).then_some(()))
    });
    handled.await.unwrap();
    assert_eq!(app.asked(&fiche), 1);
    app.stop().await;
}

#[tokio::test]
async fn a_row_that_lacks_an_address_heals_itself() {
    let app = App::start().await;
    let fiche = fiche(7);
    app.fault(
        &fiche,
        Rule {
            count: 1,
            ..Rule::new("blank_recording_url")
        },
    );
    app.fetch("a", &fiche, false).await.fetched();
    let blank = "SELECT count(*) FROM recordings WHERE recording_url = ''";
    assert_eq!(app.count(blank).await, 8);
    assert!(!app.fetch("b", &fiche, false).await.fetched().cached);
    assert_eq!(app.count(blank).await, 0);
    app.stop().await;
}
