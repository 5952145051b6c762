//! Whether a caller may hear channels (`identity.md` 3.2).

use crate::app::{AppState, call};
use crate::domain::channel::{Check, MAX_CHANNELS, Refused, Wanted, parse};
use crate::http::failure::Failure;
use futures::{StreamExt, stream};
use std::collections::HashSet;
use tonic::Status;
use vigie_contracts::audit::v1::{CheckChannelRequest, GetBatchRequest as GetAuditBatchRequest};
use vigie_contracts::automation::v1::{GetRunRequest, GetScheduleRequest};
use vigie_contracts::fiche::v1::{GetFetchJobRequest, GetSummariesRequest};
use vigie_contracts::transcription::v1::GetBatchRequest;
use vigie_identity::Caller;
use vigie_service::{ErrorCode, WireError};

/// Questions that are asked at once.
const CONCURRENT: usize = 8;
const PERMISSION: &str = "fiches";

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        Failure::new(refused.code, refused.to_string()).with_extra("channel", refused.name)
    }
}

/// Reads channel names, 1 to 50 of them.
pub fn read<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Vec<Wanted>, Failure> {
    let names: Vec<&str> = names.into_iter().collect();
    if names.is_empty() || names.len() > MAX_CHANNELS {
        let message = format!("channels must list 1 to {MAX_CHANNELS} channels");
        return Err(Failure::validation(message).with_detail("channels", "has a wrong length"));
    }
    Ok(parse(names)?)
}

/// Lets the caller hear all of these, or none.
pub async fn permit(gateway: &AppState, caller: &Caller, wanted: &[Wanted]) -> Result<(), Refused> {
    let Some(principal) = &caller.principal else {
        let first = wanted.first();
        return first.map_or(Ok(()), |wanted| Err(wanted.forbidden()));
    };
    let checks: Vec<_> = wanted
        .iter()
        .map(|wanted| wanted.check(principal).map(|check| (wanted, check)))
        .collect::<Result<_, _>>()?;
    permit_fiches(gateway, caller, &checks).await?;
    let mut questions = Vec::with_capacity(checks.len());
    for (wanted, check) in &checks {
        questions.push(ask(gateway, caller, wanted, check));
    }
    let mut answers = stream::iter(questions).buffered(CONCURRENT);
    while let Some(answer) = answers.next().await {
        answer?;
    }
    Ok(())
}

/// All fiches in one question.
async fn permit_fiches(
    gateway: &AppState,
    caller: &Caller,
    checks: &[(&Wanted, Check)],
) -> Result<(), Refused> {
    let fiches: Vec<_> = checks
        .iter()
        .filter_map(|(wanted, check)| match check {
            Check::Fiche(id) => Some((*wanted, id)),
            Check::None
            | Check::Audit(_)
            | Check::AutomationRun(_)
            | Check::AutomationSchedule(_)
            | Check::TranscriptionBatch(_)
            | Check::AuditBatch(_)
            | Check::FetchJob(_) => None,
        })
        .collect();
    let Some((first, _)) = fiches.first() else {
        return Ok(());
    };
    let request = GetSummariesRequest {
        fiche_ids: fiches.iter().map(|(_, id)| (*id).clone()).collect(),
        permission: PERMISSION.to_owned(),
        write: false,
        look_up: false,
    };
    let answer = gateway
        .fiches
        .clone()
        .get_summaries(call(caller, request))
        .await;
    let answer = answer
        .map_err(|status| refusal(first, &status))?
        .into_inner();
    let seen: HashSet<&str> = answer
        .fiches
        .iter()
        .map(|fiche| fiche.fiche_id.as_str())
        .collect();
    match fiches.iter().find(|(_, id)| !seen.contains(id.as_str())) {
        Some((wanted, _)) => Err(wanted.forbidden()),
        None => Ok(()),
    }
}

async fn ask(
    gateway: &AppState,
    caller: &Caller,
    wanted: &Wanted,
    check: &Check,
) -> Result<(), Refused> {
    let allowed = match check {
        // Fiches were asked for together.
        Check::None | Check::Fiche(_) => Ok(true),
        Check::Audit(key) => {
            let request = CheckChannelRequest {
                audit_key: key.clone(),
            };
            let answer = gateway
                .audits
                .clone()
                .check_channel(call(caller, request))
                .await;
            answer.map(|answer| answer.into_inner().allowed)
        }
        Check::AutomationRun(id) => {
            let request = GetRunRequest { run_id: id.clone() };
            let answer = gateway
                .automation
                .clone()
                .get_run(call(caller, request))
                .await;
            answer.map(|_| true)
        }
        Check::TranscriptionBatch(id) => {
            let request = GetBatchRequest {
                batch_id: id.clone(),
            };
            let answer = gateway
                .transcription_operations
                .clone()
                .get_batch(call(caller, request))
                .await;
            answer.map(|_| true)
        }
        Check::AuditBatch(id) => {
            let request = GetAuditBatchRequest {
                batch_id: id.clone(),
                without_items: true,
            };
            let answer = gateway
                .audit_batches
                .clone()
                .get_batch(call(caller, request))
                .await;
            answer.map(|_| true)
        }
        Check::FetchJob(id) => {
            let request = GetFetchJobRequest { job_id: id.clone() };
            let answer = gateway
                .fetch_jobs
                .clone()
                .get_fetch_job(call(caller, request))
                .await;
            answer.map(|_| true)
        }
        Check::AutomationSchedule(id) => {
            let request = GetScheduleRequest {
                schedule_id: id.clone(),
            };
            let answer = gateway
                .automation
                .clone()
                .get_schedule(call(caller, request))
                .await;
            answer.map(|_| true)
        }
    };
    match allowed {
        Ok(true) => Ok(()),
        Ok(false) => Err(wanted.forbidden()),
        Err(status) => Err(refusal(wanted, &status)),
    }
}

/// A refusal of the owner is a refusal; anything else means that nobody could decide.
fn refusal(wanted: &Wanted, status: &Status) -> Refused {
    let refused = matches!(
        WireError::from(status).code,
        ErrorCode::Authorization | ErrorCode::NotFound | ErrorCode::Validation
    );
    if refused {
        return wanted.forbidden();
    }
    tracing::warn!(code = %status.code(), "a channel could not be checked");
    wanted.undecided()
}
