//! What a re-run says while it goes on and when it ends.

use crate::domain::audit::Audit;
use crate::store::layers::StepLayers;
use crate::store::rerun::{Moment, Rerun};
use crate::workflow::WorkflowError;
use serde_json::{Value, json};
use sqlx::PgConnection;
use vigie_bus::outbox;
use vigie_events::ids::AuditId;
use vigie_events::realtime::Channel;
use vigie_events::realtime::review::RerunPlace;
use vigie_events::rerun::{ControlPointRerunCompleted, RerunStatus, StepRerunCompleted};

pub(super) fn place(audit: &Audit, rerun: &Rerun) -> RerunPlace {
    let point = rerun.control_point_index;
    RerunPlace {
        audit_id: audit.id,
        audit_db_id: audit.id,
        audit_tracking_id: audit.tracking.clone(),
        fiche_id: audit.fiche.clone(),
        phase: audit.phase.to_string(),
        rerun_id: rerun.rerun_id.clone(),
        rerun_scope: point.map(|_| "control_point".to_owned()),
        step_position: rerun.step_position,
        control_point_index: point,
    }
}

/// The third channel: the payload names the audit by its database id alone.
pub(super) fn own_channel(audit: &Audit) -> [Channel; 1] {
    [Channel::audit(audit.tracking.as_str())]
}

/// What the AI says now: decisions over it are no business of a re-run.
pub(super) fn moment(step: &StepLayers, point: Option<i32>) -> Moment {
    let layered = &step.layered;
    let mut points = step.points.iter().zip(&layered.points);
    let of_point = point.and_then(|index| points.find(|(now, _)| now.index == index));
    Moment {
        score: layered.ai.score,
        conforme: layered.ai.conforme.to_string(),
        citations: layered.points.iter().map(|point| point.citations).sum(),
        point: of_point.map(|(_, point)| {
            let statut = point.ai_statut.as_str().to_owned();
            (statut, point.ai_commentaire.clone(), point.citations)
        }),
    }
}

pub(super) fn shown(moment: &Moment) -> Value {
    match &moment.point {
        None => json!({"score": moment.score, "conforme": moment.conforme,
            "citations": moment.citations}),
        Some((statut, _, citations)) => json!({"statut": statut, "citations": citations,
            "step_score": moment.score, "step_conforme": moment.conforme}),
    }
}

pub(super) fn comparison(before: &Moment, after: &Moment) -> Value {
    match (&before.point, &after.point) {
        (Some(old), Some(new)) => json!({
            "statutChanged": old.0 != new.0, "citationsChanged": old.2 != new.2,
            "originalStatut": old.0, "newStatut": new.0,
            "originalCitations": old.2, "newCitations": new.2,
        }),
        _ => json!({
            "scoreChanged": before.score != after.score,
            "conformeChanged": before.conforme != after.conforme,
            "citationsChanged": before.citations != after.citations,
            "originalScore": before.score, "newScore": after.score,
            "originalConforme": before.conforme, "newConforme": after.conforme,
        }),
    }
}

pub(super) async fn tell_end(
    tx: &mut PgConnection,
    rerun: &Rerun,
    before: &Moment,
    after: &Moment,
    error: Option<&str>,
) -> Result<(), WorkflowError> {
    let status = match error {
        None => RerunStatus::Done,
        Some(_) => RerunStatus::Failed,
    };
    let audit_id = AuditId::new(rerun.audit_id);
    let error = error.map(ToOwned::to_owned);
    if let Some(control_point_index) = rerun.control_point_index {
        let of = |moment: &Moment| moment.point.clone().unwrap_or_default();
        let (old, new) = (of(before), of(after));
        let fact = ControlPointRerunCompleted {
            audit_id,
            step_position: rerun.step_position,
            control_point_index,
            statut_changed: old.0 != new.0,
            citations_changed: old.2 != new.2,
            rerun_id: rerun.rerun_id.clone(),
            status,
            error,
        };
        outbox::send(tx, &fact.message()).await?;
    } else {
        let fact = StepRerunCompleted {
            audit_id,
            step_position: rerun.step_position,
            original_score: before.score,
            new_score: after.score,
            score_changed: before.score != after.score,
            conforme_changed: before.conforme != after.conforme,
            rerun_id: rerun.rerun_id.clone(),
            status,
            error,
        };
        outbox::send(tx, &fact.message()).await?;
    }
    Ok(())
}
