//! The trails of steps, as the latest view shows them (8.4).

use crate::domain::time::iso;
use crate::domain::view::Trails;
use serde_json::{Value, json};
use sqlx::PgConnection;
use std::collections::HashMap;

/// The trails of the steps of audits, by audit and position.
#[tracing::instrument(name = "store.trail.of", skip_all, err)]
pub async fn of(
    conn: &mut PgConnection,
    audits: &[i64],
) -> sqlx::Result<HashMap<(i64, i32), Trails>> {
    let mut trails = HashMap::new();
    reviews(conn, audits, &mut trails).await?;
    reruns(conn, audits, &mut trails).await?;
    Ok(trails)
}

/// What was decided stands over what was in force: shown resolved, field by field.
async fn reviews(
    conn: &mut PgConnection,
    audits: &[i64],
    trails: &mut HashMap<(i64, i32), Trails>,
) -> sqlx::Result<()> {
    let rows = sqlx::query!(
        "SELECT audit_id, step_position, reviewed_at, reviewer, reviewer_user_id, reason, kind,
                control_point_index, point, previous_traite, previous_conforme, previous_score,
                previous_niveau_conformite, override_traite, override_conforme, override_score,
                override_niveau_conformite, previous_statut, previous_commentaire,
                override_statut, override_commentaire, revokes_id
           FROM audit_step_result_human_reviews WHERE audit_id = ANY($1) ORDER BY id",
        audits
    )
    .fetch_all(conn)
    .await?;
    for row in rows {
        let mut entry = json!({"at": iso(row.reviewed_at), "by": row.reviewer,
            "by_user_id": row.reviewer_user_id, "reason": row.reason});
        if row.kind == "control_point" {
            entry["kind"] = json!("control_point");
            entry["control_point_index"] = json!(row.control_point_index);
            entry["point"] = json!(row.point);
            let statut = row.override_statut.or_else(|| row.previous_statut.clone());
            let comment = row.override_commentaire;
            let comment = comment.or_else(|| row.previous_commentaire.clone());
            entry["override"] = json!({"statut": statut, "commentaire": comment});
            entry["previous"] =
                json!({"statut": row.previous_statut, "commentaire": row.previous_commentaire});
        } else {
            let conforme = row.override_conforme;
            let conforme = conforme.or_else(|| row.previous_conforme.clone());
            let niveau = row.override_niveau_conformite;
            let niveau = niveau.or_else(|| row.previous_niveau_conformite.clone());
            entry["override"] = json!({"traite": row.override_traite.or(row.previous_traite),
                "conforme": conforme, "score": row.override_score.or(row.previous_score),
                "niveau_conformite": niveau});
            entry["previous"] = json!({"traite": row.previous_traite,
                "conforme": row.previous_conforme, "score": row.previous_score,
                "niveau_conformite": row.previous_niveau_conformite});
        }
        if row.revokes_id.is_some() {
            entry["revoked"] = Value::Bool(true);
        }
        let step = trails.entry((row.audit_id, row.step_position)).or_default();
        step.human_review.push(entry);
    }
    Ok(())
}

async fn reruns(
    conn: &mut PgConnection,
    audits: &[i64],
    trails: &mut HashMap<(i64, i32), Trails>,
) -> sqlx::Result<()> {
    let rows = sqlx::query!(
        "SELECT audit_id, step_position, occurred_at, kind, rerun_id, event_id, custom_prompt,
                control_point_index, point, previous_score, previous_conforme,
                previous_total_citations, next_score, next_conforme, next_total_citations,
                previous_statut, previous_commentaire, previous_citations, previous_step_score,
                previous_step_conforme, next_statut, next_commentaire, next_citations,
                next_step_score, next_step_conforme
           FROM audit_step_result_rerun_events
          WHERE audit_id = ANY($1) AND status = 'done' ORDER BY id",
        audits
    )
    .fetch_all(conn)
    .await?;
    for row in rows {
        let mut entry = json!({"at": iso(row.occurred_at), "kind": row.kind,
            "rerun_id": row.rerun_id, "event_id": row.event_id,
            "step_position": row.step_position, "custom_prompt": row.custom_prompt});
        if row.control_point_index.is_some() {
            entry["control_point_index"] = json!(row.control_point_index);
            entry["point"] = json!(row.point);
            entry["previous"] = json!({"statut": row.previous_statut,
                "commentaire": row.previous_commentaire, "citations": row.previous_citations,
                "step_score": row.previous_step_score,
                "step_conforme": row.previous_step_conforme});
            entry["next"] = json!({"statut": row.next_statut,
                "commentaire": row.next_commentaire, "citations": row.next_citations,
                "step_score": row.next_step_score, "step_conforme": row.next_step_conforme});
        } else {
            entry["previous"] = json!({"score": row.previous_score,
                "conforme": row.previous_conforme,
                "total_citations": row.previous_total_citations});
            entry["next"] = json!({"score": row.next_score, "conforme": row.next_conforme,
                "total_citations": row.next_total_citations});
        }
        let step = trails.entry((row.audit_id, row.step_position)).or_default();
        step.rerun_history.push(entry);
    }
    Ok(())
}
