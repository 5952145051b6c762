//! `ListStuck`: what unfinished audits wait for.

use crate::app::AppState;
use crate::domain::time::iso;
use crate::rpc::internal;
use crate::store::stuck::{self, Stuck};
use tonic::Status;
use vigie_contracts::audit::v1 as pb;
use vigie_identity::{Caller, Guard};

const GUARD: Guard = Guard::parse("audits.read");
const MOST: i32 = 1_000;

/// The unfinished audits in the caller's scope, the one that waits longest first.
pub async fn list_stuck(
    state: &AppState,
    caller: &Caller,
    request: &pb::ListStuckRequest,
) -> Result<pb::ListStuckResponse, Status> {
    let scope = caller.require(GUARD)?;
    let limit = request.limit.clamp(1, MOST).into();
    let mut conn = state.db.acquire().await.map_err(internal)?;
    let rows = stuck::list(&mut conn, &scope, limit).await;
    Ok(pb::ListStuckResponse {
        audits: rows.map_err(internal)?.into_iter().map(encode).collect(),
    })
}

fn encode(row: Stuck) -> pb::StuckAudit {
    pb::StuckAudit {
        waits_for: waits_for(&row),
        audit_id: row.id.to_string(),
        tracking_id: row.tracking_id,
        fiche_id: row.fiche_id,
        phase: row.phase,
        lane: row.lane,
        sent_at: iso(row.sent_at),
        sends: row.sends,
        deadline_at: iso(row.deadline_at),
        created_at: iso(row.created_at),
        missing_steps: row.missing_steps,
        trouble: row.trouble,
    }
}

fn waits_for(row: &Stuck) -> String {
    match row.phase.as_str() {
        "queued" => "a free place of its lane to take audit/run".to_owned(),
        "fetching" => "fiche/fetched from fiche-cache".to_owned(),
        "transcribing" => "fiche/transcribed from transcription".to_owned(),
        _ => format!("audit/step.analyzed for {} steps", row.missing_steps.len()),
    }
}
