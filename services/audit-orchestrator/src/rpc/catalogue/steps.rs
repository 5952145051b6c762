use super::changed::Actor;
use super::encode;
use super::error::{ConfigError, body, config_id, step_id};
use crate::app::AppState;
use crate::domain::config_input::{self, NewStep, StepChange};
use crate::domain::input::Refused;
use crate::store::{catalogue, config_edit};
use sqlx::PgConnection;
use vigie_contracts::audit::v1 as pb;
use vigie_events::config::ConfigChange as Told;

/// Adds a step, last where no position is asked for.
pub(super) async fn add(
    state: &AppState,
    actor: Actor,
    request: &pb::AddStepRequest,
) -> Result<pb::AddStepResponse, ConfigError> {
    let config = config_id(&request.config_id)?;
    let new = NewStep::parse(&body(&request.body_json))?;
    let mut tx = state.db.begin().await?;
    let touched = config_edit::touch(&mut tx, config).await?;
    let touched = touched.ok_or(ConfigError::ConfigNotFound(config))?;
    let taken = config_edit::positions(&mut tx, config).await?;
    let wanted = new.position;
    let step = new.definition(free(&taken, wanted, None)?);
    let id = config_edit::add_step(&mut tx, config, &step).await?;
    actor
        .changed(&mut tx, config, touched.revision, Told::StepCreated)
        .await?;
    tx.commit().await?;
    Ok(pb::AddStepResponse {
        id: id.to_string(),
        name: step.name,
    })
}

/// Changes a step.
pub(super) async fn update(
    state: &AppState,
    actor: Actor,
    request: &pb::UpdateStepRequest,
) -> Result<pb::UpdateStepResponse, ConfigError> {
    let id = step_id(&request.step_id)?;
    let change = StepChange::parse(&body(&request.body_json))?;
    let mut tx = state.db.begin().await?;
    let (config, version) = touched(&mut tx, id).await?;
    if change.position.is_some() {
        let taken = config_edit::positions(&mut tx, config).await?;
        free(&taken, change.position, Some(id))?;
    }
    config_edit::update_step(&mut tx, id, &change).await?;
    let step = catalogue::step(&mut tx, id).await?;
    let step = step.ok_or(ConfigError::StepNotFound(id))?;
    actor
        .changed(&mut tx, config, version, Told::StepUpdated)
        .await?;
    tx.commit().await?;
    Ok(pb::UpdateStepResponse {
        step: Some(encode::step(step)),
    })
}

/// Deletes a step.
pub(super) async fn delete(
    state: &AppState,
    actor: Actor,
    request: &pb::DeleteStepRequest,
) -> Result<pb::DeleteStepResponse, ConfigError> {
    let id = step_id(&request.step_id)?;
    let mut tx = state.db.begin().await?;
    let (config, version) = touched(&mut tx, id).await?;
    config_edit::delete_step(&mut tx, id).await?;
    actor
        .changed(&mut tx, config, version, Told::StepDeleted)
        .await?;
    tx.commit().await?;
    Ok(pb::DeleteStepResponse {})
}

/// Puts all steps of a configuration into a new order.
pub(super) async fn reorder(
    state: &AppState,
    actor: Actor,
    request: &pb::ReorderStepsRequest,
) -> Result<pb::ReorderStepsResponse, ConfigError> {
    let config = config_id(&request.config_id)?;
    let mut tx = state.db.begin().await?;
    let touched = config_edit::touch(&mut tx, config).await?;
    let touched = touched.ok_or(ConfigError::ConfigNotFound(config))?;
    let existing = config_edit::positions(&mut tx, config).await?;
    let existing: Vec<i64> = existing.into_iter().map(|(id, _)| id).collect();
    let order = config_input::order(&body(&request.body_json), &existing)?;
    config_edit::reorder(&mut tx, config, &order).await?;
    actor
        .changed(&mut tx, config, touched.revision, Told::StepsReordered)
        .await?;
    tx.commit().await?;
    Ok(pb::ReorderStepsResponse {})
}

/// The configuration of a step, touched, and its revision. The step may have gone before the lock was
/// held.
async fn touched(conn: &mut PgConnection, step: i64) -> Result<(i64, i32), ConfigError> {
    let gone = ConfigError::StepNotFound(step);
    let Some(row) = catalogue::step(conn, step).await? else {
        return Err(gone);
    };
    let touched = config_edit::touch(conn, row.audit_config_id).await?;
    match (catalogue::step(conn, step).await?, touched) {
        (Some(row), Some(touched)) => Ok((row.audit_config_id, touched.revision)),
        _ => Err(gone),
    }
}

/// The wanted position if no other step has it, else the one after the last.
fn free(taken: &[(i64, i32)], wanted: Option<i32>, own: Option<i64>) -> Result<i32, ConfigError> {
    let last = taken.iter().map(|(_, position)| *position).max();
    let next = last.unwrap_or(0).saturating_add(1);
    let Some(wanted) = wanted else {
        return Ok(next);
    };
    let by_other = |(id, position): &(i64, i32)| *position == wanted && own != Some(*id);
    if taken.iter().any(by_other) {
        let message = format!("Position {wanted} is already taken. Available positions: {next}");
        return Err(Refused::plain(message).into());
    }
    Ok(wanted)
}
