use super::changed::Actor;
use super::error::{ConfigError, body, config_id};
use crate::app::AppState;
use crate::domain::config_input::{ConfigChange, NewConfig};
use crate::store::{config, config_edit};
use vigie_contracts::audit::v1 as pb;
use vigie_events::config::ConfigChange as Told;

/// Revision of a new configuration.
const FIRST: i32 = 1;

/// Makes a configuration with its steps, in one transaction.
pub(super) async fn create(
    state: &AppState,
    actor: Actor,
    request: &pb::CreateConfigRequest,
) -> Result<pb::CreateConfigResponse, ConfigError> {
    let new = NewConfig::parse(&body(&request.body_json))?;
    let mut tx = state.db.begin().await?;
    let id = config::insert(&mut tx, &new).await?;
    actor
        .changed(&mut tx, id.get(), FIRST, Told::Created)
        .await?;
    tx.commit().await?;
    tracing::info!(config.id = %id, "audit config made");
    Ok(pb::CreateConfigResponse {
        id: id.to_string(),
        name: new.name,
    })
}

/// Changes a configuration's own fields.
pub(super) async fn update(
    state: &AppState,
    actor: Actor,
    request: &pb::UpdateConfigRequest,
) -> Result<pb::UpdateConfigResponse, ConfigError> {
    let id = config_id(&request.config_id)?;
    let change = ConfigChange::parse(&body(&request.body_json))?;
    let mut tx = state.db.begin().await?;
    let before = config_edit::touch(&mut tx, id).await?;
    let before = before.ok_or(ConfigError::ConfigNotFound(id))?;
    let name = config_edit::update(&mut tx, id, &change).await?;
    let steps = config_edit::positions(&mut tx, id).await?.len();
    let told = match (before.is_active, change.is_active) {
        (false, Some(true)) => Told::Activated,
        (true, Some(false)) => Told::Deactivated,
        _ => Told::Updated,
    };
    actor.changed(&mut tx, id, before.revision, told).await?;
    tx.commit().await?;
    Ok(pb::UpdateConfigResponse {
        id: id.to_string(),
        name,
        steps_count: i32::try_from(steps).unwrap_or(i32::MAX),
    })
}

/// Deletes a configuration that no audit used.
pub(super) async fn delete(
    state: &AppState,
    actor: Actor,
    request: &pb::DeleteConfigRequest,
) -> Result<pb::DeleteConfigResponse, ConfigError> {
    let id = config_id(&request.config_id)?;
    let mut tx = state.db.begin().await?;
    let last = match config_edit::delete(&mut tx, id).await {
        Ok(last) => last.ok_or(ConfigError::ConfigNotFound(id))?,
        Err(error) if config_edit::is_used(&error) => return Err(ConfigError::InUse(id)),
        Err(error) => return Err(error.into()),
    };
    let version = last.saturating_add(1);
    actor.changed(&mut tx, id, version, Told::Deleted).await?;
    tx.commit().await?;
    Ok(pb::DeleteConfigResponse {})
}
