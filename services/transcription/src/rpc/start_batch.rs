//! `StartBatch` and `GetBatch` (A10.2): many fiches at once, all or none.

use super::{RpcError, asked_priority, iso, who};
use crate::app::AppState;
use crate::store::batch::{self, Member};
use crate::workflow::{BatchWish, WorkflowError};
use chrono::Utc;
use std::collections::HashSet;
use vigie_contracts::transcription::v1 as pb;
use vigie_events::ids::FicheId;
use vigie_events::transcription::FicheTranscribe;
use vigie_identity::{Caller, FicheScope};

/// Fiches of one batch.
const MOST_FICHES: usize = 500;
/// Joins that may lose against the end of a run.
const TRIES: u32 = 3;

const fn how(joined: bool) -> &'static str {
    if joined { "joined" } else { "started" }
}

/// Starts or joins a run for each fiche.
pub(super) async fn start_batch(
    state: &AppState,
    caller: &Caller,
    scope: &FicheScope,
    request: pb::StartBatchRequest,
) -> Result<pb::StartBatchResponse, RpcError> {
    let fiches = fiches(&request.fiche_ids)?;
    let priority = asked_priority(&request.priority)?;
    if !scope.all() && !state.fiches.all_in_scope(caller, &fiches, true).await? {
        return Err(RpcError::Forbidden);
    }
    if !state.workflow.settings().provider_configured {
        return Err(RpcError::NotConfigured);
    }
    let now = Utc::now().timestamp_millis();
    let asked: Vec<(FicheId, String)> = fiches
        .into_iter()
        .map(|fiche| {
            let command = FicheTranscribe::for_request(fiche.clone(), now, priority, false, None);
            (fiche, command.id.to_string())
        })
        .collect();
    let by = who(caller);
    let wish = BatchWish {
        fiches: &asked,
        priority,
        by: &by,
    };
    let mut tries = 1;
    let (batch_id, members) = loop {
        match open(state, wish).await {
            Err(RpcError::Workflow(WorkflowError::LostRace(_))) if tries < TRIES => tries += 1,
            other => break other?,
        }
    };
    let fiches = asked.into_iter().zip(members);
    let fiches = fiches.map(|((_, event_id), member)| pb::BatchStart {
        fiche_id: member.fiche_id,
        event_id,
        run_id: member.run_id.to_string(),
        state: how(member.joined).to_owned(),
    });
    Ok(pb::StartBatchResponse {
        batch_id,
        fiches: fiches.collect(),
    })
}

async fn open(state: &AppState, wish: BatchWish<'_>) -> Result<(String, Vec<Member>), RpcError> {
    let mut tx = state.db.begin().await?;
    let (batch, members) = state.workflow.open_batch(&mut tx, wish).await?;
    tx.commit().await?;
    Ok((batch.batch_id, members))
}

/// Each fiche once, in the order asked.
fn fiches(ids: &[String]) -> Result<Vec<FicheId>, RpcError> {
    let mut seen = HashSet::new();
    let mut fiches = Vec::new();
    for id in ids {
        let digits = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit());
        let fiche: FicheId = match id.parse() {
            Ok(fiche) if digits => fiche,
            Ok(_) | Err(_) => return Err(RpcError::InvalidFiches),
        };
        if seen.insert(id.as_str()) {
            fiches.push(fiche);
        }
    }
    if fiches.is_empty() || fiches.len() > MOST_FICHES {
        return Err(RpcError::InvalidFiches);
    }
    Ok(fiches)
}

/// How far a batch is. Who may not see it learns nothing of it.
pub(super) async fn get_batch(
    state: &AppState,
    caller: &Caller,
    scope: &FicheScope,
    id: &str,
) -> Result<pb::GetBatchResponse, RpcError> {
    let by = who(caller);
    let by = (!scope.all()).then_some(by.as_str());
    let mut conn = state.db.acquire().await?;
    let batch = batch::find(&mut conn, id, by).await?;
    let batch = batch.ok_or(RpcError::UnknownBatch)?;
    let members = batch::members(&mut conn, &batch.batch_id).await?;
    Ok(pb::GetBatchResponse {
        operation_type: "transcription".to_owned(),
        total: batch.total,
        completed: batch.completed,
        failed: batch.failed,
        progress_percentage: batch.percentage(),
        sequence: batch.sequence,
        created_at: iso(batch.created_at),
        completed_at: batch.completed_at.map(iso),
        batch_id: batch.batch_id,
        fiches: members.into_iter().map(member).collect(),
    })
}

fn member(member: Member) -> pb::BatchMember {
    pb::BatchMember {
        fiche_id: member.fiche_id,
        run_id: member.run_id.to_string(),
        state: how(member.joined).to_owned(),
        outcome: member.outcome,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(ids: &[&str]) -> Vec<String> {
        ids.iter().map(|id| (*id).to_owned()).collect()
    }

    #[test]
    fn a_batch_holds_each_fiche_once_in_its_order() {
        let found = fiches(&ids(&["9", "44", "9"])).unwrap();
        assert_eq!(
            found.iter().map(FicheId::as_str).collect::<Vec<_>>(),
            ["9", "44"]
        );
        for wrong in [&[][..], &[""], &["44", "x"], &["4 4"], &["-4"]] {
            assert!(fiches(&ids(wrong)).is_err(), "{wrong:?}");
        }
        let many: Vec<String> = (0..=MOST_FICHES).map(|id| id.to_string()).collect();
        assert!(fiches(&many).is_err());
        assert!(fiches(&many[1..]).is_ok());
        assert!(fiches(&vec!["7".to_owned(); 900]).is_ok());
    }
}
