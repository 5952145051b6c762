//! Sections: what is read back is what was stored.

use crate::support::{App, everyone, fiche, of, plain, user};
use crate::wire::{Counts, Wire};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Map, Value, json};
use sqlx::{Connection, PgConnection};
use std::time::Duration;
use vigie_bus::outbox;
use vigie_contracts::fiche::v1 as pb;
use vigie_contracts::fiche::v1::fiche_maintenance_service_client::FicheMaintenanceServiceClient;
use vigie_events::ids::FicheId;
use vigie_fiche_cache::domain::details::NewDetails;
use vigie_fiche_cache::domain::payload::{Parts, Shown, assemble};
use vigie_fiche_cache::{rpc, store};
use vigie_identity::Scope;
use vigie_upstream::crm::{FicheDetails, MailDevis, read_mail_devis, read_sections};

const LIFE: Duration = Duration::from_hours(1);
const FICHES: u64 = 60;
const SHOWN: Shown = Shown {
    mail_devis: true,
    recording_urls: true,
};

fn example() -> Value {
    let text = include_str!("../../../../crates/upstream/tests/fixtures/fiche.json");
    serde_json::from_str(text).unwrap()
}

/// Anything that the CRM might write in place of what it should.
fn disturbed(value: Value, rng: &mut StdRng) -> Value {
    match rng.random_range(0..40) {
        0 => return Value::Null,
        1 => return json!(""),
        2 => return json!(rng.random_range(-5..1_000_000)),
        3 => return json!(rng.random::<bool>()),
        4 => return json!(["é\u{1F600}'\"\\ --", {"a": null}]),
        5 => return json!({}),
        _ => {}
    }
    match value {
        Value::Array(mut rows) => {
            if !rows.is_empty() && rng.random_range(0..3) == 0 {
                let row = rows[rng.random_range(0..rows.len())].clone();
                let place = rng.random_range(0..=rows.len());
                rows.insert(place, row);
            }
            rows.into_iter().map(|row| disturbed(row, rng)).collect()
        }
        Value::Object(fields) => {
            let mut fields: Map<_, _> = fields
                .into_iter()
                .filter(|_| rng.random_range(0..25) > 0)
                .collect();
            if rng.random_range(0..4) == 0 {
                fields.insert(format!("clé {}", rng.random::<u8>()), json!("x\u{1F600}"));
            }
            let fields = fields.into_iter();
            let fields = fields.map(|(key, value)| (key, disturbed(value, rng)));
            Value::Object(fields.collect())
        }
        scalar => scalar,
    }
}

fn details(payload: &Value) -> FicheDetails {
    let read = |key: &str| payload.get(key).cloned().unwrap_or_default();
    let information = payload.get("information").filter(|it| it.is_object());
    let information = information.cloned().unwrap_or_else(|| json!({}));
    FicheDetails {
        success: true,
        message: "Fiche parsed successfully".to_owned(),
        information: Some(serde_json::from_value(information).unwrap()),
        prospect: serde_json::from_value(read("prospect")).ok(),
        mail_devis: match read("mail_devis") {
            Value::Null => MailDevis::None,
            mail => MailDevis::Present(read_mail_devis(mail).0),
        },
        sections: read_sections(payload.as_object().cloned().unwrap_or_default()).0,
        ..FicheDetails::default()
    }
}

#[tokio::test]
async fn nothing_is_lost_or_invented_whatever_the_crm_writes() {
    let app = App::start().await;
    let mut rng = StdRng::seed_from_u64(20_260_114);
    for round in 0..FICHES {
        let payload = disturbed(example(), &mut rng);
        let payload = if round == 0 || !payload.is_object() {
            example()
        } else {
            payload
        };
        // Some fiches are written over others.
        let fiche = (1 + round % 25).to_string().parse().unwrap();
        let new = NewDetails::of(fiche, details(&payload)).unwrap();
        let mut tx = app.state.db.begin().await.unwrap();
        let summary = store::details::write(&mut tx, &new, LIFE, &app.state.vault)
            .await
            .unwrap();
        let read = store::details::read(&mut tx, summary.id, &app.state.vault)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        let (stored, given) = (read.unwrap(), Parts::from(&new));
        assert_eq!(
            assemble(&new.fiche_id, stored, SHOWN),
            assemble(&new.fiche_id, given, SHOWN),
            "round {round}"
        );
    }
    app.stop().await;
}

#[tokio::test]
async fn the_example_of_the_contract_comes_back_whole() {
    let app = App::start().await;
    let example = example();
    let new = NewDetails::of("2104417".parse().unwrap(), details(&example)).unwrap();
    let mut tx = app.state.db.begin().await.unwrap();
    let summary = store::details::write(&mut tx, &new, LIFE, &app.state.vault)
        .await
        .unwrap();
    let read = store::details::read(&mut tx, summary.id, &app.state.vault)
        .await
        .unwrap()
        .unwrap();
    let payload = assemble(&new.fiche_id, read, SHOWN);
    for (key, value) in example.as_object().unwrap() {
        if key != "recordings" {
            assert_eq!(&payload[key], value, "{key}");
        }
    }
    drop(tx);
    app.stop().await;
}

/// The example with every list so many times as long.
fn large(times: usize) -> Value {
    let mut payload = example();
    for section in payload.as_object_mut().unwrap().values_mut() {
        if let Value::Array(rows) = section {
            let once = std::mem::take(rows);
            rows.extend((0..times).flat_map(|_| once.iter().cloned()));
        }
    }
    payload
}

#[tokio::test]
async fn a_fiche_of_any_size_is_six_statements() {
    let app = App::start().await;
    let wire = Wire::open(&app.database_url()).await;
    let mut conn = PgConnection::connect(wire.url()).await.unwrap();
    let fiche: FicheId = "2104417".parse().unwrap();
    // Each written over the one before; the first prepares the statements.
    for times in [1, 1, 60] {
        let payload = large(times);
        let calls = payload["recordings"].as_array().unwrap().clone();
        let rows = payload["commentaires"].as_array().unwrap().len();
        let mut given = details(&payload);
        given.with_recordings = true;
        given.recordings = calls
            .into_iter()
            .enumerate()
            .map(|(place, mut call)| {
                call["call_id"] = json!(format!("7001-{place}"));
                serde_json::from_value(call).unwrap()
            })
            .collect();
        let new = NewDetails::of(fiche.clone(), given).unwrap();
        wire.take();
        let mut tx = conn.begin().await.unwrap();
        store::fiche::lock(&mut tx, &fiche).await.unwrap();
        let summary = store::details::write(&mut tx, &new, LIFE, &app.state.vault)
            .await
            .unwrap();
        let first = summary.version == 1;
        outbox::send(&mut tx, &summary.updated().message())
            .await
            .unwrap();
        tx.commit().await.unwrap();
        let counts = wire.take();
        assert!(rows >= times);
        if first {
            continue;
        }
        // The lock, the row, its sections, its mail, its recordings, the fact.
        let (statements, texts) = (6, 2);
        assert_eq!(counts, Counts { statements, texts }, "{rows} comments");
    }
    drop(conn);
    app.stop().await;
}

#[tokio::test]
async fn rows_of_old_are_served_from_their_document() {
    let app = App::start().await;
    let fiche = fiche(0);
    let before = app.get(&everyone(), plain(&fiche)).await.unwrap();
    app.execute(
        "WITH moved AS (DELETE FROM fiche_cache_documents RETURNING fiche_cache_id, to_jsonb(fiche_cache_documents) AS row),
              gone AS (DELETE FROM fiche_cache_prospects RETURNING to_jsonb(fiche_cache_prospects) AS row)
         UPDATE fiche_cache SET raw_data = jsonb_build_object(
             'documents', (SELECT COALESCE(jsonb_agg(row ORDER BY row->'row_index'), '[]') FROM moved),
             'prospect', (SELECT row FROM gone))",
    )
    .await;
    let after = app.get(&everyone(), plain(&fiche)).await.unwrap();
    assert_eq!(after.payload, before.payload);
    app.stop().await;
}

#[tokio::test]
async fn a_backfill_moves_documents_and_can_stop_anywhere() {
    let app = App::start().await;
    let ids: Vec<_> = (0..3).map(fiche).collect();
    let mut before = Vec::new();
    for id in &ids {
        before.push(app.get(&everyone(), plain(id)).await.unwrap().payload);
    }
    app.execute(
        "WITH gone AS (DELETE FROM fiche_cache_commentaires
                       RETURNING fiche_cache_id, to_jsonb(fiche_cache_commentaires) AS row),
              files AS (DELETE FROM fiche_cache_information
                        RETURNING fiche_cache_id, to_jsonb(fiche_cache_information) AS row)
         UPDATE fiche_cache c SET groupe = NULL, attribution_user_id = NULL,
                raw_data = jsonb_build_object('_old', 1, 'mail_devis', NULL,
                    'information', (SELECT row FROM files WHERE fiche_cache_id = c.id),
                    'commentaires', (SELECT COALESCE(jsonb_agg(row ORDER BY row->'row_index'), '[]')
                                       FROM gone WHERE fiche_cache_id = c.id))",
    )
    .await;
    let mut client =
        FicheMaintenanceServiceClient::new(rpc::maintenance::service(app.state.clone()));
    let mut ask = async |after_id, batch, dry_run| {
        let request = pb::BackfillRequest {
            after_id,
            batch,
            dry_run,
        };
        let answer = client.backfill(of(&everyone(), request)).await;
        answer.map(tonic::Response::into_inner)
    };
    let dry = ask(0, 500, true).await.unwrap();
    assert_eq!((dry.looked, dry.moved, dry.remaining), (3, 3, 0));
    let legacy = "SELECT count(*) FROM fiche_cache WHERE raw_data <> '{}'";
    assert_eq!(app.count(legacy).await, 3);
    let first = ask(0, 2, false).await.unwrap();
    assert_eq!((first.moved, first.remaining), (2, 1));
    // From the beginning again, as after a crash: what is done is not done twice.
    let rest = ask(0, 2, false).await.unwrap();
    assert_eq!((rest.looked, rest.moved, rest.remaining), (1, 1, 0));
    assert_eq!(app.count(legacy).await, 0);
    for (id, before) in ids.iter().zip(before) {
        let after = app.get(&everyone(), plain(id)).await.unwrap();
        assert_eq!(after.payload, before);
    }
    let owned = "SELECT count(*) FROM fiche_cache WHERE groupe_effectif IS NOT NULL AND mail_devis_state = 'none'";
    assert_eq!(app.count(owned).await, 3);
    assert!(ask(0, 0, false).await.is_err());
    app.stop().await;
}

#[tokio::test]
async fn documents_that_cannot_be_read_stay_and_are_shown() {
    let app = App::start().await;
    let id = fiche(0);
    app.get(&everyone(), plain(&id)).await.unwrap();
    app.execute("UPDATE fiche_cache SET raw_data = '{\"alertes\": [7], \"success\": true}'")
        .await;
    let mut client =
        FicheMaintenanceServiceClient::new(rpc::maintenance::service(app.state.clone()));
    let request = pb::BackfillRequest {
        after_id: 0,
        batch: 10,
        dry_run: false,
    };
    let answer = client
        .backfill(of(&everyone(), request))
        .await
        .unwrap()
        .into_inner();
    assert_eq!((answer.looked, answer.moved, answer.unreadable), (1, 0, 1));
    let request = pb::InspectRowRequest { fiche_id: id };
    let row = client
        .inspect_row(of(&everyone(), request.clone()))
        .await
        .unwrap()
        .into_inner();
    assert_eq!((row.state.as_str(), row.version), ("full", 1));
    assert!(row.sections.contains(&"information".to_owned()));
    let kinds: Vec<_> = row
        .document
        .iter()
        .map(|key| (key.key.as_str(), key.kind.as_str()))
        .collect();
    assert_eq!(kinds, [("alertes", "list"), ("success", "envelope")]);
    let stranger = user(Scope::Group, "EQUIPE NORD", "");
    assert!(client.inspect_row(of(&stranger, request)).await.is_err());
    app.stop().await;
}
