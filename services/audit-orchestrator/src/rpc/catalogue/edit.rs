use super::error::{ConfigError, body, config_id};
use crate::app::AppState;
use crate::domain::config_input::{ConfigChange, NewConfig};
use crate::store::{config, config_edit};
use vigie_contracts::audit::v1 as pb;

/// Makes a configuration with its steps, in one transaction.
pub(super) async fn create(
    state: &AppState,
    request: &pb::CreateConfigRequest,
) -> Result<pb::CreateConfigResponse, ConfigError> {
    let new = NewConfig::parse(&body(&request.body_json))?;
    let mut tx = state.db.begin().await?;
    let id = config::insert(&mut tx, &new).await?;
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
    request: &pb::UpdateConfigRequest,
) -> Result<pb::UpdateConfigResponse, ConfigError> {
    let id = config_id(&request.config_id)?;
    let change = ConfigChange::parse(&body(&request.body_json))?;
    let mut tx = state.db.begin().await?;
    if !config_edit::touch(&mut tx, id).await? {
        return Err(ConfigError::ConfigNotFound(id));
    }
    let name = config_edit::update(&mut tx, id, &change).await?;
    let steps = config_edit::positions(&mut tx, id).await?.len();
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
    request: &pb::DeleteConfigRequest,
) -> Result<pb::DeleteConfigResponse, ConfigError> {
    let id = config_id(&request.config_id)?;
    let mut conn = state.db.acquire().await?;
    match config_edit::delete(&mut conn, id).await {
        Ok(true) => Ok(pb::DeleteConfigResponse {}),
        Ok(false) => Err(ConfigError::ConfigNotFound(id)),
        Err(error) if config_edit::is_used(&error) => Err(ConfigError::InUse(id)),
        Err(error) => Err(error.into()),
    }
}
