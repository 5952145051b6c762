//! `ListConfigs` (`audits.md` 7.1) and `ResolveConfigs`
//! (`automation-and-transcription.md` B7.5).

use crate::app::AppState;
use crate::domain::time::iso;
use crate::rpc::internal;
use crate::store::config;
use tonic::Status;
use vigie_contracts::audit::v1::{
    ConfigSummary, ListConfigsRequest, ListConfigsResponse, ResolveConfigsRequest,
    ResolveConfigsResponse, ResolvedConfig,
};
use vigie_identity::{Caller, Guard, ServiceName};

const GUARD: Guard = Guard::parse("audit-configs.read");

/// The configurations, newest first, without steps.
pub async fn list_configs(
    state: &AppState,
    caller: &Caller,
    request: &ListConfigsRequest,
) -> Result<ListConfigsResponse, Status> {
    caller.require(GUARD)?;
    let mut conn = state.db.acquire().await.map_err(internal)?;
    let rows = config::list(&mut conn, request.include_inactive)
        .await
        .map_err(internal)?;
    let summary = |row: config::ConfigSummary| ConfigSummary {
        id: row.id.to_string(),
        name: row.name,
        description: row.description,
        system_prompt: row.system_prompt,
        is_active: row.is_active,
        run_automatically: row.run_automatically,
        steps_count: i32::try_from(row.steps).unwrap_or(i32::MAX),
        created_at: iso(row.created_at),
        updated_at: iso(row.updated_at),
        created_by: row.created_by,
    };
    Ok(ListConfigsResponse {
        configs: rows.into_iter().map(summary).collect(),
    })
}

/// The configurations an automation run will use: existing and active, in the order asked.
pub async fn resolve_configs(
    state: &AppState,
    caller: &Caller,
    request: &ResolveConfigsRequest,
) -> Result<ResolveConfigsResponse, Status> {
    caller.require_service(&[ServiceName::Automation])?;
    let ids: Vec<i64> = request
        .config_ids
        .iter()
        .filter_map(|id| id.parse().ok())
        .collect();
    let mut conn = state.db.acquire().await.map_err(internal)?;
    let configs = config::resolve(&mut conn, &ids, request.automatic)
        .await
        .map_err(internal)?;
    let resolved = configs.into_iter().map(|config| ResolvedConfig {
        id: config.id.to_string(),
        name: config.name,
        revision: config.revision,
    });
    Ok(ResolveConfigsResponse {
        configs: resolved.collect(),
    })
}
