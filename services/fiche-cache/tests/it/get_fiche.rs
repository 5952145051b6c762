//! Reading one fiche.

use crate::support::{App, everyone, fiche, owner, plain, refresh, user, with_grants};
use serde_json::json;
use tonic::Code;
use vigie_contracts::fiche::v1 as pb;
use vigie_contracts::fiche::v1::CacheState;
use vigie_identity::{Grant, Scope};
use vigie_service::{ErrorCode, WireError};
use vigie_simulators::faults::{Rule, kind};
use vigie_upstream::crm::FicheOptions;

fn down() -> Rule {
    Rule {
        status: Some(503),
        ..Rule::new(kind::STATUS)
    }
}

fn with_mail(fiche: &str) -> pb::GetFicheRequest {
    pb::GetFicheRequest {
        include_mail_devis: true,
        ..plain(fiche)
    }
}

#[tokio::test]
async fn what_is_read_back_is_what_was_stored() {
    let app = App::start().await;
    let options = FicheOptions {
        include_recordings: true,
        include_mail_devis: true,
    };
    for place in 0..8 {
        let fiche = fiche(place);
        let missed = app.get(&everyone(), with_mail(&fiche)).await.unwrap();
        let hit = app.get(&everyone(), with_mail(&fiche)).await.unwrap();
        assert_eq!(
            (missed.cache, hit.cache),
            (CacheState::Miss, CacheState::Hit)
        );
        assert_eq!(missed.payload, hit.payload);
        let upstream = app.state.crm.fiche(&fiche, options).await.unwrap();
        let payload = hit.payload;
        assert_eq!(
            payload["information"],
            serde_json::to_value(&upstream.information).unwrap()
        );
        assert_eq!(
            payload["prospect"],
            serde_json::to_value(&upstream.prospect).unwrap()
        );
        for (name, section) in &upstream.sections {
            assert_eq!(&payload[name], section, "{name}");
        }
        let recordings = payload["recordings"].as_array().unwrap();
        assert_eq!(recordings.len(), upstream.recordings.len());
        for recording in recordings {
            assert_eq!(recording["transcription"], json!(null));
            let of = upstream
                .recordings
                .iter()
                .find(|it| recording["call_id"] == it.call_id);
            assert_eq!(recording["from_number"], json!(of.unwrap().from_number));
        }
        let starts: Vec<_> = recordings
            .iter()
            .map(|it| it["start_time"].as_str())
            .collect();
        assert!(starts.is_sorted_by(|a, b| a >= b));
    }
    app.stop().await;
}

#[tokio::test]
async fn a_fetch_by_a_reader_tells_the_new_summary() {
    let app = App::start().await;
    let fiche = fiche(0);
    app.get(&everyone(), plain(&fiche)).await.unwrap();
    let fact = app.summary_fact(&fiche, 1).await;
    assert_eq!(fact.summary.groupe, Some(owner(0).0));
    assert_eq!(fact.summary.attribution_user_id, Some(owner(0).1));
    app.stop().await;
}

#[tokio::test]
async fn the_mail_is_asked_for_when_it_is_wanted_first() {
    let app = App::start().await;
    let fiche = fiche(0);
    let without = app.get(&everyone(), plain(&fiche)).await.unwrap();
    assert!(without.payload.get("mail_devis").is_none());
    let with = app.get(&everyone(), with_mail(&fiche)).await.unwrap();
    assert_eq!(with.cache, CacheState::Miss);
    assert!(with.payload.get("mail_devis").is_some());
    assert_eq!(
        app.get(&everyone(), with_mail(&fiche)).await.unwrap().cache,
        CacheState::Hit
    );
    // A plain fetch leaves the stored mail alone.
    app.execute("UPDATE fiche_cache SET details_expires_at = now()")
        .await;
    app.get(&everyone(), plain(&fiche)).await.unwrap();
    let again = app.get(&everyone(), with_mail(&fiche)).await.unwrap();
    assert_eq!(
        (again.cache, again.payload),
        (CacheState::Hit, with.payload)
    );
    app.stop().await;
}

#[tokio::test]
async fn stale_details_are_better_than_none_but_not_for_a_refresh() {
    let app = App::start().await;
    let fiche = fiche(0);
    let fresh = app.get(&everyone(), plain(&fiche)).await.unwrap();
    app.execute(
        "UPDATE fiche_cache SET details_expires_at = now(), details_fetched_at = now() - interval '11 days'",
    )
    .await;
    app.fault(&fiche, down());
    let stale = app.get(&everyone(), plain(&fiche)).await.unwrap();
    assert_eq!(
        (stale.cache, stale.payload),
        (CacheState::Stale, fresh.payload)
    );
    let status = app.get(&everyone(), refresh(&fiche)).await.unwrap_err();
    let error = WireError::from(&status);
    assert_eq!(error.code, ErrorCode::ExternalApi);
    let text =
        format!("Failed to fetch fiche details for {fiche}: Request failed with status code 503");
    assert_eq!(error.message, text);
    app.stop().await;
}

#[tokio::test]
async fn absent_fiches_are_404_and_a_live_marker_answers() {
    let app = App::start().await;
    for unknown in ["999", "abc", ""] {
        let status = app.get(&everyone(), plain(unknown)).await.unwrap_err();
        assert_eq!(status.code(), Code::NotFound, "{unknown}");
        assert_eq!(status.message(), format!("Fiche {unknown} not found"));
    }
    assert_eq!(app.count("SELECT count(*) FROM fiche_cache").await, 0);
    app.fetch("a", "999", false).await.failed();
    let asked = app.asked("999");
    assert_eq!(
        app.get(&everyone(), plain("999")).await.unwrap_err().code(),
        Code::NotFound
    );
    assert_eq!(app.asked("999"), asked);
    app.stop().await;
}

#[tokio::test]
async fn refreshes_at_the_same_time_share_one_fetch() {
    let app = App::start().await;
    let fiche = fiche(0);
    app.fault(
        &fiche,
        Rule {
            latency_ms: Some(200),
            ..Rule::new(kind::LATENCY)
        },
    );
    let caller = everyone();
    let get = || app.get(&caller, refresh(&fiche));
    let (a, b, c) = tokio::join!(get(), get(), get());
    let payloads = [a, b, c].map(|got| got.unwrap().payload);
    assert!(payloads.iter().all(|payload| *payload == payloads[0]));
    assert_eq!(app.asked(&fiche), 1);
    app.stop().await;
}

#[tokio::test]
async fn scope_is_decided_before_anything_is_stored_or_asked() {
    let app = App::start().await;
    let fiche = fiche(0);
    let (groupe, seller) = owner(0);
    let stranger = user(Scope::Group, "OTHER", "0");
    // Unknown to the cache: the CRM is asked, and nothing stays.
    let status = app.get(&stranger, plain(&fiche)).await.unwrap_err();
    assert_eq!(
        (status.code(), status.message()),
        (Code::PermissionDenied, "Forbidden")
    );
    assert_eq!(app.count("SELECT count(*) FROM fiche_cache").await, 0);
    for insider in [
        user(Scope::Group, &groupe, ""),
        user(Scope::Own, "", &seller),
    ] {
        app.get(&insider, plain(&fiche)).await.unwrap();
    }
    // Known now: nobody is asked.
    let asked = app.asked(&fiche);
    for request in [plain(&fiche), refresh(&fiche)] {
        let status = app.get(&stranger, request).await.unwrap_err();
        assert_eq!(status.code(), Code::PermissionDenied);
    }
    assert_eq!(app.asked(&fiche), asked);
    app.stop().await;
}

#[tokio::test]
async fn a_refresh_needs_write_in_scope_and_addresses_need_their_own_permission() {
    let app = App::start().await;
    let fiche = fiche(0);
    let (groupe, _) = owner(0);
    let grant = |write, write_scope| Grant {
        key: "fiches".to_owned(),
        read: true,
        write,
        read_scope: Scope::All,
        write_scope,
    };
    let reader = with_grants(vec![grant(false, Scope::Own)], &groupe, "0");
    let got = app.get(&reader, plain(&fiche)).await.unwrap();
    let recording = got.payload["recordings"][0].as_object().unwrap();
    assert!(!recording.contains_key("recording_url") && recording.contains_key("call_id"));
    let status = app.get(&reader, refresh(&fiche)).await.unwrap_err();
    assert_eq!(status.message(), "Missing permission");
    let own = with_grants(vec![grant(true, Scope::Own)], &groupe, "0");
    assert_eq!(
        app.get(&own, refresh(&fiche)).await.unwrap_err().message(),
        "Forbidden"
    );
    let writer = with_grants(vec![grant(true, Scope::Group)], &groupe, "0");
    app.get(&writer, refresh(&fiche)).await.unwrap();
    app.stop().await;
}

#[tokio::test]
async fn what_cannot_be_stored_is_shown_all_the_same_and_said_to_be_so() {
    let app = App::start().await;
    let fiche = fiche(0);
    app.execute("ALTER TABLE fiche_cache_prospects RENAME TO away")
        .await;
    let unstored = app.get(&everyone(), plain(&fiche)).await.unwrap();
    assert_eq!(unstored.cache, CacheState::Unstored);
    let status = app.get(&everyone(), refresh(&fiche)).await.unwrap_err();
    assert_eq!(WireError::from(&status).code, ErrorCode::Internal);
    assert_eq!(app.count("SELECT count(*) FROM fiche_cache").await, 0);
    app.execute("ALTER TABLE away RENAME TO fiche_cache_prospects")
        .await;
    let stored = app.get(&everyone(), plain(&fiche)).await.unwrap();
    assert_eq!(stored.payload, unstored.payload);
    app.stop().await;
}
