//! `StartRun` (A10.1): the run is there when the answer is.

use super::{RpcError, asked_priority, who};
use crate::app::AppState;
use crate::neighbours::Seen;
use crate::store::start::{self, Answer, Key};
use crate::workflow::{Opened, Wish, WorkflowError};
use chrono::Utc;
use vigie_contracts::transcription::v1::{StartRunRequest, StartRunResponse};
use vigie_events::Lane;
use vigie_events::ids::FicheId;
use vigie_events::transcription::{FicheTranscribe, Priority};
use vigie_identity::{Caller, FicheScope};

/// Longest `Idempotency-Key`.
const MAX_KEY_CHARS: usize = 200;
/// Joins that may lose against the end of the run.
const TRIES: u32 = 3;

/// Starts a run for a fiche, or joins the open one.
pub(super) async fn start_run(
    state: &AppState,
    caller: &Caller,
    scope: &FicheScope,
    request: StartRunRequest,
) -> Result<StartRunResponse, RpcError> {
    let fiche: FicheId = request
        .fiche_id
        .parse()
        .map_err(|_| RpcError::InvalidFiche)?;
    let priority = asked_priority(&request.priority)?;
    let key = request.idempotency_key.as_deref().map(str::trim);
    let key = key.filter(|key| !key.is_empty());
    if key.is_some_and(|key| key.chars().count() > MAX_KEY_CHARS) {
        return Err(RpcError::InvalidKey);
    }
    visible(state, caller, scope, &fiche).await?;
    if !state.workflow.settings().provider_configured {
        return Err(RpcError::NotConfigured);
    }
    let who = who(caller);
    let key = key.map(|key| Key {
        caller: &who,
        key,
        fiche: &fiche,
    });
    let mut tries = 1;
    let answer = loop {
        match open(state, &who, &fiche, priority, request.force, key).await {
            Err(RpcError::Workflow(WorkflowError::LostRace(_))) if tries < TRIES => tries += 1,
            other => break other?,
        }
    };
    let state = if answer.joined { "joined" } else { "started" };
    Ok(StartRunResponse {
        fiche_id: fiche.to_string(),
        event_id: answer.event_id,
        run_id: answer.run_id.to_string(),
        state: state.to_owned(),
    })
}

/// Those who see everything may start with a fiche that nobody knows yet: the run fetches it.
async fn visible(
    state: &AppState,
    caller: &Caller,
    scope: &FicheScope,
    fiche: &FicheId,
) -> Result<(), RpcError> {
    if scope.all() {
        return Ok(());
    }
    match state.fiches.see(caller, fiche, true).await? {
        Seen::InScope => Ok(()),
        Seen::Refused | Seen::Unknown => Err(RpcError::Forbidden),
    }
}

async fn open(
    state: &AppState,
    who: &str,
    fiche: &FicheId,
    priority: Priority,
    force: bool,
    key: Option<Key<'_>>,
) -> Result<Answer, RpcError> {
    let mut tx = state.db.begin().await?;
    if let Some(key) = key
        && let Some(answer) = start::find(&mut tx, key).await?
    {
        tx.rollback().await?;
        return Ok(answer);
    }
    let now = Utc::now().timestamp_millis();
    // The command as it would be sent: the run it asks for begins here, so nobody needs to get it.
    let command = FicheTranscribe::for_request(fiche.clone(), now, priority, force, None);
    let lane = command.lane.unwrap_or(Lane::Interactive);
    let wish = Wish {
        fiche,
        priority,
        lane,
        force,
        request_id: command.id.as_str(),
        automation_run: None,
        by: Some(who),
    };
    let opened = state.workflow.open(&mut tx, &wish).await?;
    if let Opened::Started(run_id) = opened {
        state.workflow.refresh(&mut tx, run_id, fiche, lane).await?;
    }
    let answer = Answer {
        event_id: command.id.to_string(),
        run_id: opened.run_id(),
        joined: matches!(opened, Opened::Joined(_)),
    };
    if let Some(key) = key {
        start::keep(&mut tx, key, &answer).await?;
    }
    tx.commit().await?;
    Ok(answer)
}
