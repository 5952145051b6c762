//! The latest view and the projection.

use crate::facts::{analyzed, proven};
use crate::world::{World, delivered};
use serde_json::{Value, json};
use vigie_audit_orchestrator::domain::view::latest;
use vigie_audit_orchestrator::events::ProjectFiche;
use vigie_audit_orchestrator::store::{context, view};
use vigie_bus::Handler;
use vigie_events::fiche::{FicheSummary, FicheSummaryUpdated};
use vigie_events::ids::FicheCacheId;

#[tokio::test]
async fn the_latest_view_holds_the_steps_of_the_tables() {
    let world = World::new().await;
    world.project("44", Some("Equipe Ouest"), None).await;
    let config = world.config(6).await;
    let id = world.analyzing("44", &config).await;
    let audit = world.audit(id).await;
    let facts = config
        .steps
        .iter()
        .map(|s| analyzed(&audit, s.position, Ok(proven(s, s.weight))));
    world.record(facts.collect()).await;

    let row = world.listed(id).await;
    let snapshot: Value = serde_json::from_str(row.result_data.as_deref().unwrap()).unwrap();
    assert!(snapshot["audit"]["results"].get("steps").is_none());
    assert_eq!(snapshot["audit_db_id"], id.to_string());
    assert_eq!(
        snapshot["audit"]["fiche"],
        json!({"fiche_id": "44", "prospect_name": "Alice Lenoir", "groupe": "Equipe Ouest"})
    );
    assert_eq!(
        snapshot["audit"]["compliance"],
        json!({"score": 100, "niveau": "EXCELLENT", "points_critiques": "3/3",
               "poids_obtenu": 50, "poids_total": 50})
    );
    assert_eq!(
        snapshot["audit"]["results"]["compliance"],
        snapshot["audit"]["compliance"]
    );
    assert_eq!(snapshot["statistics"]["timeline_chunks"], 3);
    assert_eq!(snapshot["metadata"]["completeness"], "complete");

    let mut conn = world.db.acquire().await.unwrap();
    let rows = view::steps(&mut conn, &[id.get()]).await.unwrap();
    let mut steps = view::full(&mut conn, &[id.get()], &rows).await.unwrap();
    let view = latest(snapshot, &steps.remove(&id.get()).unwrap()).unwrap();
    let steps = view["audit"]["results"]["steps"].as_array().unwrap();
    assert_eq!(steps.len(), 6);
    assert_eq!(steps[2]["points_controle"].as_array().unwrap().len(), 5);
    let point = &steps[0]["points_controle"][0];
    assert_eq!(
        *point,
        json!({
            "point": "Nom de l'agent et du cabinet annoncés", "statut": "PRESENT",
            "commentaire": "Dit clairement.",
            "citations": [{
                "texte": crate::facts::QUOTE, "minutage": "00:12", "minutage_secondes": 12.5,
                "speaker": "speaker_0", "recording_index": 0, "chunk_index": 1,
                "recording_date": "05/01/2026", "recording_time": "10:02",
                "recording_url": "https://audio.exemple.test/0.mp3", "call_id": "call-0"
            }],
            "minutages": ["00:12"], "erreur_transcription_notee": false,
            "variation_phonetique_utilisee": null, "verdict": "PRESENT", "verdict_source": "ai"
        })
    );
    assert_eq!(
        steps[0]["step_metadata"],
        json!({"position": 1, "name": "Accueil et mentions obligatoires", "severity": "CRITICAL",
               "is_critical": true, "weight": 10, "outcome": "ok", "engine": "openai",
               "model": "m", "prompt_version": "v1"})
    );
    assert_eq!(steps[0]["usage"]["total_tokens"], 100);
}

#[tokio::test]
async fn a_running_audit_shows_its_pending_snapshot() {
    let world = World::new().await;
    let config = world.config(6).await;
    let id = world.analyzing("44", &config).await;
    let row = world.listed(id).await;
    let snapshot: Value = serde_json::from_str(row.result_data.as_deref().unwrap()).unwrap();
    assert_eq!(snapshot["status"], "running");
    assert_eq!(
        snapshot["approach"],
        json!({"use_rlm": false, "transcript_mode": "prompt"})
    );
    assert_eq!(latest(snapshot.clone(), &[]).unwrap(), snapshot);
}

#[tokio::test]
async fn the_analyzer_reads_what_is_frozen() {
    let world = World::new().await;
    let config = world.config(6).await;
    let id = world.analyzing("44", &config).await;
    let audit = world.audit(id).await;
    world
        .record(vec![analyzed(&audit, 4, Ok(proven(&config.steps[3], 1)))])
        .await;
    let mut conn = world.db.acquire().await.unwrap();
    let frozen = context::raw(&mut conn, id.get()).await.unwrap().unwrap();
    let read: vigie_scorecard::ConfigSnapshot = serde_json::from_str(&frozen.config).unwrap();
    assert_eq!(read, config);
    assert_eq!(frozen.stored, [4]);
    assert_eq!(Some(frozen.transcript_hash), audit.transcript_hash);
    assert!(context::wants(&mut conn, id.get(), 1).await.unwrap());
    assert!(!context::wants(&mut conn, id.get(), 4).await.unwrap());
}

#[tokio::test]
async fn older_facts_about_a_fiche_are_ignored() {
    let world = World::new().await;
    world.project("44", Some("Equipe Ouest"), None).await;
    let update = |version, groupe: &str| FicheSummaryUpdated {
        fiche_id: "44".parse().unwrap(),
        cache_id: FicheCacheId::new(5120),
        summary: FicheSummary {
            version,
            groupe: Some(groupe.to_owned()),
            agence_nom: None,
            attribution_user_id: None,
            sales_date: None,
            has_recordings: true,
            recordings_count: Some(2),
            fetched_at: None,
            last_revalidated_at: None,
        },
    };
    for event in [update(5, "Equipe Est"), update(3, "Equipe Sud")] {
        let mut conn = world.db.acquire().await.unwrap();
        ProjectFiche
            .handle(&mut conn, &delivered(event.message()))
            .await
            .unwrap();
    }
    let east = "SELECT count(*) FROM fiches WHERE groupe = 'Equipe Est' AND version = 5
                  AND prospect_nom = 'Lenoir'";
    assert_eq!(world.count(east).await, 1);
    // A fiche without an audit is none of ours.
    let stranger = FicheSummaryUpdated {
        fiche_id: "99".parse().unwrap(),
        ..update(1, "x")
    };
    let mut conn = world.db.acquire().await.unwrap();
    ProjectFiche
        .handle(&mut conn, &delivered(stranger.message()))
        .await
        .unwrap();
    assert_eq!(world.count("SELECT count(*) FROM fiches").await, 1);
}
