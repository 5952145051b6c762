//! Asking for a re-run (8.1, 8.2), and what the analyzer asks about one.

use super::target::{self, ReviewError};
use crate::app::AppState;
use crate::domain::audit::Audit;
use crate::domain::guidance;
use crate::store::layers::{self, StepLayers};
use crate::store::{lease, rerun};
use sqlx::PgConnection;
use std::time::Duration;
use vigie_bus::outbox;
use vigie_contracts::audit::v1::{
    GetRerunRequest, GetRerunResponse, QueuedRerun, RerunControlPointRequest,
    RerunControlPointResponse, RerunFallbackRequest, RerunFallbackResponse, RerunStepRequest,
    RerunStepResponse,
};
use vigie_events::ids::AuditId;
use vigie_events::rerun::{ControlPointRerun, StepRerun};
use vigie_identity::{Caller, FicheScope, Principal};

const MAX_PROMPT_CHARS: usize = 5000;

/// What is asked of one re-run.
struct Wish<'a> {
    point: Option<i32>,
    custom_prompt: Option<&'a str>,
    force: bool,
    user: Option<String>,
}

impl<'a> Wish<'a> {
    fn new(
        caller: &Caller,
        point: Option<i32>,
        custom_prompt: Option<&'a str>,
        force: bool,
    ) -> Result<Self, ReviewError> {
        let custom_prompt = custom_prompt.filter(|text| !text.trim().is_empty());
        let refused = |text: &str| text.chars().count() > MAX_PROMPT_CHARS || text.contains('\0');
        if custom_prompt.is_some_and(refused) {
            return Err(ReviewError::Invalid("Invalid customPrompt"));
        }
        let principal = caller.principal.as_deref();
        let user = principal.and_then(Principal::user_id);
        Ok(Self {
            point,
            custom_prompt,
            force,
            user: user.map(|user| user.to_string()),
        })
    }
}

/// Queues a re-run of a step.
pub(super) async fn step(
    state: &AppState,
    caller: &Caller,
    scope: &FicheScope,
    request: RerunStepRequest,
) -> Result<RerunStepResponse, ReviewError> {
    let wish = Wish::new(
        caller,
        None,
        request.custom_prompt.as_deref(),
        request.force,
    )?;
    let mut tx = state.db.begin().await?;
    let audit = target::lock_to_pay(&mut tx, state, caller, scope, &request.audit_id).await?;
    let position = request.step_position;
    let step = target::step(&mut tx, state, &audit, position, None).await?;
    let mut reruns = queue(&mut tx, &audit, &[&step], &wish).await?;
    let rerun = reruns.pop().ok_or(ReviewError::RerunActive)?;
    tx.commit().await?;
    Ok(RerunStepResponse { rerun: Some(rerun) })
}

/// Queues a re-run of a control point.
pub(super) async fn point(
    state: &AppState,
    caller: &Caller,
    scope: &FicheScope,
    request: RerunControlPointRequest,
) -> Result<RerunControlPointResponse, ReviewError> {
    let index = request.control_point_index;
    let prompt = request.custom_prompt.as_deref();
    let wish = Wish::new(caller, Some(index), prompt, request.force)?;
    let mut tx = state.db.begin().await?;
    let audit = target::lock_to_pay(&mut tx, state, caller, scope, &request.audit_id).await?;
    let position = request.step_position;
    let step = target::step(&mut tx, state, &audit, position, None).await?;
    let mut reruns = queue(&mut tx, &audit, &[&step], &wish).await?;
    let rerun = reruns.pop().ok_or(ReviewError::RerunActive)?;
    tx.commit().await?;
    Ok(RerunControlPointResponse { rerun: Some(rerun) })
}

/// Queues a re-run of every step whose analysis failed and that has none in progress.
pub(super) async fn fallback(
    state: &AppState,
    caller: &Caller,
    scope: &FicheScope,
    request: RerunFallbackRequest,
) -> Result<RerunFallbackResponse, ReviewError> {
    let wish = Wish::new(caller, None, None, false)?;
    let mut tx = state.db.begin().await?;
    let audit = target::lock_to_pay(&mut tx, state, caller, scope, &request.audit_id).await?;
    let gating = state.workflow.settings().evidence.gating;
    let steps = layers::read(&mut tx, audit.id.get(), gating).await?;
    let failed: Vec<_> = steps.values().filter(|it| it.facts.is_fallback).collect();
    if failed.is_empty() {
        return Err(ReviewError::NoFallback);
    }
    let reruns = queue(&mut tx, &audit, &failed, &wish).await?;
    if reruns.is_empty() {
        return Err(ReviewError::RerunActive);
    }
    tx.commit().await?;
    Ok(RerunFallbackResponse { reruns })
}

/// Inserts re-runs and their commands, of the steps that have none in progress.
async fn queue(
    tx: &mut PgConnection,
    audit: &Audit,
    steps: &[&StepLayers],
    wish: &Wish<'_>,
) -> Result<Vec<QueuedRerun>, ReviewError> {
    let epoch_ms = rerun::epoch_ms(tx).await?;
    let mut point = None;
    let mut planned = Vec::with_capacity(steps.len());
    for step in steps {
        let (new, of_point) = plan(audit, step, wish, epoch_ms)?;
        point = point.or(of_point);
        planned.push(new);
    }
    let new = rerun::NewReruns {
        audit: audit.id.get(),
        point,
        custom_prompt: wish.custom_prompt,
        force: wish.force,
        requested_by: wish.user.as_deref(),
        steps: &planned,
    };
    let inserted = rerun::insert(tx, &new).await?;
    planned.retain(|new| inserted.contains(&new.rerun_id));
    // These steps have results and no other re-run: a lease that is left would only make them wait.
    let positions: Vec<i32> = planned.iter().map(|new| new.position).collect();
    lease::end(tx, audit.id.get(), &positions).await?;
    send(tx, audit.id, wish.point, &planned).await?;
    let queued = planned.into_iter().map(|new| QueuedRerun {
        step_position: new.position,
        rerun_id: new.rerun_id,
        event_id: new.event_id,
    });
    Ok(queued.collect())
}

/// A control point and its text.
type Point<'a> = (i32, &'a str);

/// A re-run of a step, or of a point of it.
fn plan<'a>(
    audit: &Audit,
    step: &'a StepLayers,
    wish: &Wish<'_>,
    epoch_ms: i64,
) -> Result<(rerun::NewRerun, Option<Point<'a>>), ReviewError> {
    let (id, position) = (audit.id, step.facts.position);
    let mut points = step.points.iter().zip(&step.layered.points);
    let point = match wish.point {
        None => None,
        Some(index) => Some(
            points
                .find(|(now, _)| now.index == index)
                .ok_or_else(|| ReviewError::NoPoint(id.to_string(), position, index))?,
        ),
    };
    let (event_id, rerun_id) = match wish.point {
        None => {
            let event = format!("step-rerun-{id}-{position}-{epoch_ms}");
            let rerun = format!("rerun-{id}-{position}-{event}");
            (event, rerun)
        }
        Some(index) => {
            let event = format!("step-cp-rerun-{id}-{position}-{index}-{epoch_ms}");
            let rerun = format!("rerun-{id}-{position}-cp-{index}-{event}");
            (event, rerun)
        }
    };
    let guidance = guidance::of(
        point.map(|(now, layered)| (now.index, now.point.as_str(), layered)),
        step.points.len(),
        wish.custom_prompt,
    );
    let new = rerun::NewRerun {
        position,
        guidance,
        event_id,
        rerun_id,
    };
    Ok((new, point.map(|(now, _)| (now.index, now.point.as_str()))))
}

async fn send(
    tx: &mut PgConnection,
    audit_id: AuditId,
    point: Option<i32>,
    planned: &[rerun::NewRerun],
) -> Result<(), ReviewError> {
    match point {
        None => {
            let command = |new: &rerun::NewRerun| {
                StepRerun {
                    audit_id,
                    step_position: new.position,
                    rerun_id: new.rerun_id.clone(),
                }
                .message(&new.event_id)
            };
            let commands: Vec<_> = planned.iter().map(command).collect();
            outbox::send_all(tx, &commands).await?;
        }
        Some(control_point_index) => {
            let command = |new: &rerun::NewRerun| {
                ControlPointRerun {
                    audit_id,
                    step_position: new.position,
                    control_point_index,
                    rerun_id: new.rerun_id.clone(),
                }
                .message(&new.event_id)
            };
            let commands: Vec<_> = planned.iter().map(command).collect();
            outbox::send_all(tx, &commands).await?;
        }
    }
    Ok(())
}

/// Whether a re-run still waits, whether the asker may pay for it now, and what it is told.
pub(super) async fn get(
    state: &AppState,
    request: &GetRerunRequest,
) -> Result<GetRerunResponse, ReviewError> {
    let mut conn = state.db.acquire().await?;
    let Some(wanted) = rerun::wanted(&mut conn, &request.rerun_id).await? else {
        return Ok(GetRerunResponse::default());
    };
    let mut held = Duration::ZERO;
    if let Some(holder) = &request.holder {
        let (audit, position) = (wanted.audit_id, wanted.step_position);
        let left = lease::take(&mut conn, audit, position, holder).await?;
        held = left.unwrap_or_default();
    }
    Ok(GetRerunResponse {
        wanted: true,
        held_for_ms: i64::try_from(held.as_millis()).unwrap_or(i64::MAX),
        guidance: wanted.guidance,
    })
}
