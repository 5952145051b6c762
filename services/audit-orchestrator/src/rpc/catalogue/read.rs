use super::encode;
use super::error::{ConfigError, config_id};
use crate::app::AppState;
use crate::domain::config_input::readiness;
use crate::store::{catalogue, config};
use sqlx::PgConnection;
use std::collections::HashMap;
use vigie_contracts::audit::v1 as pb;
use vigie_events::ids::AuditConfigId;

/// All configurations with their steps, newest first.
pub(super) async fn list(
    state: &AppState,
    request: &pb::ListConfigDetailsRequest,
) -> Result<pb::ListConfigDetailsResponse, ConfigError> {
    let mut conn = state.db.acquire().await?;
    let configs = details(&mut conn, None, request.include_inactive).await?;
    Ok(pb::ListConfigDetailsResponse { configs })
}

/// How all configurations are used.
pub(super) async fn all_stats(
    state: &AppState,
    request: &pb::ListConfigStatsRequest,
) -> Result<pb::ListConfigStatsResponse, ConfigError> {
    let with_lexical = state.counts_lexical(request.include_lexical);
    let mut conn = state.db.acquire().await?;
    let rows = catalogue::stats(&mut conn, None, with_lexical).await?;
    Ok(pb::ListConfigStatsResponse {
        configs: rows.into_iter().map(encode::stats).collect(),
    })
}

/// One configuration with its steps.
pub(super) async fn get(
    state: &AppState,
    request: &pb::GetConfigRequest,
) -> Result<pb::GetConfigResponse, ConfigError> {
    let id = config_id(&request.config_id)?;
    let mut conn = state.db.acquire().await?;
    let found = details(&mut conn, Some(id), true).await?.pop();
    let mut config = found.ok_or(ConfigError::ConfigNotFound(id))?;
    if request.include_stats {
        let with_lexical = state.counts_lexical(request.include_lexical);
        let rows = catalogue::stats(&mut conn, Some(id), with_lexical).await?;
        config.stats = rows.into_iter().next().map(encode::stats);
    }
    Ok(pb::GetConfigResponse {
        config: Some(config),
    })
}

/// How one configuration is used.
pub(super) async fn stats(
    state: &AppState,
    request: &pb::GetConfigStatsRequest,
) -> Result<pb::GetConfigStatsResponse, ConfigError> {
    let id = config_id(&request.config_id)?;
    let with_lexical = state.counts_lexical(request.include_lexical);
    let mut conn = state.db.acquire().await?;
    let found = catalogue::stats(&mut conn, Some(id), with_lexical).await?;
    let stats = found.into_iter().next().map(encode::stats);
    Ok(pb::GetConfigStatsResponse {
        stats: Some(stats.ok_or(ConfigError::ConfigNotFound(id))?),
    })
}

/// Whether a configuration may be used. An unknown one may not.
pub(super) async fn validate(
    state: &AppState,
    request: &pb::ValidateConfigRequest,
) -> Result<pb::ValidateConfigResponse, ConfigError> {
    let id = AuditConfigId::new(config_id(&request.config_id)?);
    let mut conn = state.db.acquire().await?;
    let known = config::state(&mut conn, id).await?;
    let frozen = config::snapshot(&mut conn, id).await?;
    let errors = match (known, frozen) {
        (Some(state), Some(config)) => readiness(state.is_active, &config.steps),
        _ => vec![format!("Audit config with ID '{id}' not found")],
    };
    Ok(pb::ValidateConfigResponse {
        valid: errors.is_empty(),
        errors,
    })
}

async fn details(
    conn: &mut PgConnection,
    one: Option<i64>,
    include_inactive: bool,
) -> sqlx::Result<Vec<pb::ConfigDetail>> {
    let rows = catalogue::configs(conn, one, include_inactive).await?;
    let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
    let mut steps: HashMap<i64, Vec<pb::ConfigStep>> = HashMap::new();
    for step in catalogue::steps(conn, &ids).await? {
        let of_config = steps.entry(step.audit_config_id).or_default();
        of_config.push(encode::step(step));
    }
    let configs = rows.into_iter().map(|row| {
        let steps = steps.remove(&row.id).unwrap_or_default();
        encode::config(row, steps)
    });
    Ok(configs.collect())
}
