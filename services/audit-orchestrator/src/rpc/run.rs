//! `RunAudit` and `RunLatest` (`audits.md` 6.5, 6.6): the row and its `audit/run`, at once.

use crate::app::AppState;
use crate::domain::audit::uses_tools;
use crate::neighbours::{NeighbourError, Seen};
use crate::rpc::pace::{self, TooFast};
use crate::store::config::{self, ConfigState};
use crate::store::fiche::{self, Fiche};
use crate::store::insert::{NewAudit, insert_newest, lost_race, tracking_of_request};
use chrono::{DateTime, Utc};
use tonic::Status;
use vigie_bus::outbox;
use vigie_contracts::audit::v1::{RunAuditRequest, RunAuditResponse, RunLatestRequest};
use vigie_events::Lane;
use vigie_events::audit::AuditRun;
use vigie_events::ids::{AuditConfigId, AuditId, AutomationRunId, FicheId, ScheduleId, TrackingId};
use vigie_identity::{Caller, FicheScope, Guard, PrincipalKind};
use vigie_service::{ErrorCode, Extras, ServiceError, status};

const GUARD: Guard = Guard::parse("audits.run");

/// Longest `trigger_source`.
const MAX_SOURCE_CHARS: usize = 50;

/// Inserts that may lose the race for the latest flag before the request gives up.
const TRIES: u32 = 3;

/// Why an audit was not queued.
#[derive(Debug, thiserror::Error)]
pub enum RunAuditError {
    /// An id or a length is wrong.
    #[error("Invalid run audit input")]
    InvalidInput,
    /// No such configuration.
    #[error("Audit config with ID '{0}' not found")]
    ConfigNotFound(AuditConfigId),
    /// It must not be used.
    #[error("Audit config with ID '{0}' is inactive")]
    ConfigInactive(AuditConfigId),
    /// It asks nothing.
    #[error("Audit config with ID '{0}' has no steps")]
    ConfigEmpty(AuditConfigId),
    /// There is none to run.
    #[error("No active audit configuration found")]
    NoActiveConfig,
    /// The fiche is out of the caller's scope.
    #[error("Forbidden")]
    Forbidden,
    /// The caller asks too often.
    #[error(transparent)]
    TooFast(#[from] TooFast),
    /// The scope could not be decided.
    #[error("Service unavailable")]
    Neighbour(#[from] NeighbourError),
    /// Internal.
    #[error(transparent)]
    Store(#[from] sqlx::Error),
    /// Internal.
    #[error(transparent)]
    Outbox(#[from] vigie_bus::OutboxError),
}

impl ServiceError for RunAuditError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::InvalidInput | Self::ConfigInactive(_) | Self::ConfigEmpty(_) => {
                ErrorCode::Validation
            }
            Self::ConfigNotFound(_) | Self::NoActiveConfig => ErrorCode::NotFound,
            Self::Forbidden => ErrorCode::Authorization,
            Self::TooFast(_) => TooFast::CODE,
            Self::Neighbour(_) => ErrorCode::Unavailable,
            Self::Store(_) | Self::Outbox(_) => ErrorCode::Internal,
        }
    }

    fn extras(&self) -> Extras {
        match self {
            Self::TooFast(error) => error.extras(),
            _ => Extras::new(),
        }
    }
}

/// A run as asked for, its ids parsed.
struct Wish {
    fiche: FicheId,
    use_rlm: bool,
    user: Option<String>,
    schedule: Option<ScheduleId>,
    automation_run: Option<AutomationRunId>,
    source: String,
}

/// Queues an audit of a fiche with a configuration.
pub async fn run_audit(
    state: &AppState,
    caller: &Caller,
    request: RunAuditRequest,
) -> Result<RunAuditResponse, Status> {
    let scope = caller.require(GUARD)?;
    let config = parse::<AuditConfigId>(&request.audit_config_id).map_err(status)?;
    let wish = Wish::parse(caller, request).map_err(status)?;
    let config = usable_config(state, config).await.map_err(status)?;
    queue(state, caller, &scope, &config, wish)
        .await
        .map_err(status)
}

/// Queues an audit of a fiche with the newest active configuration.
pub async fn run_latest(
    state: &AppState,
    caller: &Caller,
    request: RunLatestRequest,
) -> Result<RunAuditResponse, Status> {
    let scope = caller.require(GUARD)?;
    let request = RunAuditRequest {
        fiche_id: request.fiche_id,
        user_id: request.user_id,
        use_rlm: request.use_rlm,
        ..RunAuditRequest::default()
    };
    let wish = Wish::parse(caller, request).map_err(status)?;
    let config = latest_config(state).await.map_err(status)?;
    queue(state, caller, &scope, &config, wish)
        .await
        .map_err(status)
}

fn parse<T: std::str::FromStr>(text: &str) -> Result<T, RunAuditError> {
    text.trim().parse().map_err(|_| RunAuditError::InvalidInput)
}

impl Wish {
    fn parse(caller: &Caller, request: RunAuditRequest) -> Result<Self, RunAuditError> {
        let source = match request.trigger_source.trim() {
            "" => "api",
            source if source.chars().count() > MAX_SOURCE_CHARS => {
                return Err(RunAuditError::InvalidInput);
            }
            source => source,
        };
        // Only machines may speak for somebody else.
        let user = match caller.principal.as_deref().map(|principal| &principal.kind) {
            Some(PrincipalKind::User(id)) => Some(id.to_string()),
            Some(PrincipalKind::Machine(_)) | None => {
                request.user_id.filter(|user| !user.trim().is_empty())
            }
        };
        let linkage = |text: Option<String>| text.filter(|text| !text.trim().is_empty());
        Ok(Self {
            fiche: parse(&request.fiche_id)?,
            use_rlm: request.use_rlm,
            user,
            schedule: linkage(request.automation_schedule_id)
                .as_deref()
                .map(parse)
                .transpose()?,
            automation_run: linkage(request.automation_run_id)
                .as_deref()
                .map(parse)
                .transpose()?,
            source: source.to_owned(),
        })
    }
}

/// A configuration that may be used.
pub(super) async fn usable_config(
    state: &AppState,
    id: AuditConfigId,
) -> Result<ConfigState, RunAuditError> {
    let mut conn = state.db.acquire().await?;
    let config = config::state(&mut conn, id)
        .await?
        .ok_or(RunAuditError::ConfigNotFound(id))?;
    if !config.is_active {
        return Err(RunAuditError::ConfigInactive(id));
    }
    if config.steps == 0 {
        return Err(RunAuditError::ConfigEmpty(id));
    }
    Ok(config)
}

/// The newest active configuration.
pub(super) async fn latest_config(state: &AppState) -> Result<ConfigState, RunAuditError> {
    let mut conn = state.db.acquire().await?;
    let config = config::latest_active(&mut conn)
        .await?
        .ok_or(RunAuditError::NoActiveConfig)?;
    if config.steps == 0 {
        return Err(RunAuditError::ConfigEmpty(config.id));
    }
    Ok(config)
}

/// The fiche as far as it is known, if the caller may audit it. An unknown fiche is accepted from
/// those who see everything: F1 ends its audit.
async fn visible_fiche(
    state: &AppState,
    caller: &Caller,
    scope: &FicheScope,
    fiche: &FicheId,
) -> Result<Option<Box<Fiche>>, RunAuditError> {
    let all = scope.all();
    match (state.neighbours.see(caller, fiche, true, !all).await, all) {
        (Ok(Seen::InScope(fiche)), _) => Ok(Some(fiche)),
        (Ok(Seen::Refused | Seen::Unknown), false) => Err(RunAuditError::Forbidden),
        (Ok(Seen::Refused | Seen::Unknown), true) => Ok(None),
        (Err(error), false) => Err(error.into()),
        (Err(error), true) => {
            // The scope is decided; names and groupe come with the fetch.
            tracing::warn!(%error, "fiche queued without its summary");
            Ok(None)
        }
    }
}

async fn queue(
    state: &AppState,
    caller: &Caller,
    scope: &FicheScope,
    config: &ConfigState,
    wish: Wish,
) -> Result<RunAuditResponse, RunAuditError> {
    let fiche = visible_fiche(state, caller, scope, &wish.fiche).await?;
    let mut tries = 1;
    let (id, tracking, queued_at) = loop {
        match enqueue(state, caller, config, &wish, fiche.as_deref()).await {
            Err(RunAuditError::Store(error)) if tries < TRIES && lost_race(&error) => tries += 1,
            other => break other?,
        }
    };
    Ok(RunAuditResponse {
        event_id: tracking.to_string(),
        tracking_id: tracking.to_string(),
        audit_id: id.to_string(),
        fiche_id: wish.fiche.to_string(),
        audit_config_id: config.id.get(),
        audit_config_name: config.name.clone(),
        phase: "queued".to_owned(),
        queued_at: crate::domain::time::iso(queued_at),
    })
}

async fn enqueue(
    state: &AppState,
    caller: &Caller,
    config: &ConfigState,
    wish: &Wish,
    fiche: Option<&Fiche>,
) -> Result<(AuditId, TrackingId, DateTime<Utc>), RunAuditError> {
    // A person waits, or a machine that speaks for one: the lane of schedules is automation's.
    let lane = Lane::Interactive;
    let new = NewAudit {
        fiche: &wish.fiche,
        fiche_cache_id: fiche.and_then(|fiche| fiche.fiche_cache_id),
        config: config.id,
        lane,
        use_rlm: uses_tools(wish.use_rlm, &state.workflow.settings().engine),
        trigger_source: &wish.source,
        trigger_user: wish.user.as_deref(),
        schedule: wish.schedule,
        automation_run: wish.automation_run,
        batch: None,
        deadline: state.workflow.settings().deadlines.queued,
    };
    let mut tx = state.db.begin().await?;
    pace::admit::<RunAuditError>(&mut tx, state, caller).await?;
    let tracking = tracking_of_request(&mut tx, &wish.fiche, config.id).await?;
    let (id, queued_at) = insert_newest(&mut tx, &tracking, &new).await?;
    if let Some(fiche) = fiche {
        fiche::put(&mut tx, fiche).await?;
    }
    let run = AuditRun {
        fiche_id: wish.fiche.clone(),
        audit_config_id: config.id.get(),
        user_id: wish.user.clone(),
        automation_schedule_id: wish.schedule,
        automation_run_id: wish.automation_run,
        trigger_source: Some(wish.source.clone()),
        use_rlm: Some(wish.use_rlm),
        audit_db_id: Some(id),
        batch_id: None,
    };
    outbox::send(&mut tx, &run.message(&tracking, lane)).await?;
    tx.commit().await?;
    tracing::info!(audit.id = %id, audit.tracking_id = %tracking, "audit queued");
    Ok((id, tracking, queued_at))
}
