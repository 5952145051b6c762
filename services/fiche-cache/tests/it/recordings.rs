//! Recordings: what is stored of them, and who gets them.

use crate::support::{App, everyone, fiche, of, owner, service, user};
use std::time::Duration;
use tonic::Code;
use vigie_contracts::fiche::v1 as pb;
use vigie_fiche_cache::config::Lifetimes;
use vigie_fiche_cache::domain::recording::Call;
use vigie_fiche_cache::store;
use vigie_identity::{Scope, ServiceName};
use vigie_simulators::faults::Rule;

fn request(fiche: &str) -> pb::ListRecordingsRequest {
    pb::ListRecordingsRequest {
        fiche_id: fiche.to_owned(),
    }
}

#[tokio::test]
async fn a_good_address_is_never_lost_and_what_is_gone_is_marked() {
    let app = App::with(Lifetimes {
        cooldown: Duration::ZERO,
        ..Lifetimes::default()
    })
    .await;
    let fiche = fiche(7);
    let fetched = app.fetch("a", &fiche, false).await.fetched();
    let urls = "SELECT count(DISTINCT recording_url) FROM recordings WHERE recording_url <> ''";
    assert_eq!(app.count(urls).await, 8);
    app.fault(
        &fiche,
        Rule {
            count: 1,
            ..Rule::new("blank_recording_url")
        },
    );
    app.fetch("b", &fiche, true).await.fetched();
    assert_eq!(app.count(urls).await, 8);
    // A payload without the list says nothing about it.
    let section = Some("recordings".into());
    app.fault(
        &fiche,
        Rule {
            count: 1,
            body: section,
            ..Rule::new("missing_section")
        },
    );
    let third = app.fetch("c", &fiche, true).await.fetched();
    let missing = "SELECT count(*) FROM recordings WHERE missing_upstream_since IS NOT NULL";
    assert_eq!((third.recordings_count, app.count(missing).await), (8, 0));
    let mut conn = app.state.db.acquire().await.unwrap();
    let none: [Call; 0] = [];
    store::recordings::write(&mut conn, fetched.cache_id.get(), &none)
        .await
        .unwrap();
    drop(conn);
    assert_eq!(app.count(missing).await, 8);
    app.fetch("d", &fiche, true).await.fetched();
    assert_eq!(app.count(missing).await, 0);
    app.stop().await;
}

#[tokio::test]
async fn they_are_listed_oldest_first_with_numbers_to_read() {
    let app = App::start().await;
    let fiche = fiche(7);
    app.fetch("a", &fiche, false).await.fetched();
    let listed = app
        .client()
        .list_recordings(of(&everyone(), request(&fiche)))
        .await;
    let recordings = listed.unwrap().into_inner().recordings;
    assert_eq!(recordings.len(), 8);
    assert!(recordings.is_sorted_by_key(|it| it.start_time.clone()));
    let first = &recordings[0];
    assert!(first.from_number.as_deref().unwrap().starts_with("+33 "));
    assert!(first.start_time.as_deref().unwrap().ends_with('Z'));
    assert_eq!(first.recording_date.as_deref().map(str::len), Some(10));
    assert!(!first.recording_url.is_empty() && first.uuid.is_some());
    app.stop().await;
}

#[tokio::test]
async fn scope_decides_who_gets_them() {
    let app = App::start().await;
    let fiche = fiche(0);
    app.fetch("a", &fiche, false).await.fetched();
    let (groupe, seller) = owner(0);
    let code = async |caller, fiche: &str| {
        let asked = app
            .client()
            .list_recordings(of(&caller, request(fiche)))
            .await;
        asked.map_or_else(|status| status.code(), |_| Code::Ok)
    };
    assert_eq!(
        code(user(Scope::Group, &groupe, ""), &fiche).await,
        Code::Ok
    );
    assert_eq!(
        code(user(Scope::Group, "OTHER", &seller), &fiche).await,
        Code::PermissionDenied
    );
    assert_eq!(code(user(Scope::Own, "", &seller), &fiche).await, Code::Ok);
    assert_eq!(
        code(user(Scope::Own, &groupe, "0"), &fiche).await,
        Code::PermissionDenied
    );
    assert_eq!(
        code(service(ServiceName::Transcription), &fiche).await,
        Code::Ok
    );
    // The gateway has to say for whom it asks.
    assert_eq!(
        code(service(ServiceName::Gateway), &fiche).await,
        Code::Unauthenticated
    );
    assert_eq!(code(everyone(), "999").await, Code::NotFound);
    assert_eq!(
        code(user(Scope::Group, &groupe, ""), "999").await,
        Code::PermissionDenied
    );
    app.stop().await;
}
