//! What a decision is about: found, in the caller's scope, and free to be changed.

use crate::app::AppState;
use crate::domain::announcer::Announcer;
use crate::domain::audit::{Audit, Phase};
use crate::rpc::TooFast;
use crate::rpc::pace;
use crate::store::layers::StepLayers;
use crate::store::log::{Level, Lines};
use crate::store::review::{Author, Place};
use crate::store::{self, layers, view};
use crate::workflow::{Rejudged, WorkflowError};
use serde_json::json;
use sqlx::PgConnection;
use vigie_events::ids::AuditId;
use vigie_events::realtime::review::{ReviewApplied, Reviewed};
use vigie_identity::{Caller, FicheScope, Guard, Principal};
use vigie_service::{ErrorCode, Extras, ServiceError};

pub(super) const WRITE: Guard = Guard::parse("audits.write");
pub(super) const RERUN: Guard = Guard::parse("audits.rerun");

const MAX_REVIEWER_CHARS: usize = 200;
const MAX_REASON_CHARS: usize = 5000;

/// Why a decision or a re-run was not taken.
#[derive(Debug, thiserror::Error)]
pub enum ReviewError {
    /// A field is wrong.
    #[error("{0}")]
    Invalid(&'static str),
    /// No such audit.
    #[error("Audit with ID '{0}' not found")]
    NoAudit(String),
    /// No such step, or no result of it.
    #[error("Audit step result with ID '{0}:{1}' not found")]
    NoStep(String, i32),
    /// No such control point.
    #[error("Audit control point with ID '{0}:{1}:{2}' not found")]
    NoPoint(String, i32, i32),
    /// Nothing is in force there.
    #[error("No review in force")]
    NothingToRevoke,
    /// Out of the caller's scope.
    #[error("Forbidden")]
    Forbidden,
    /// It has no results yet, or never will.
    #[error("Audit is not completed")]
    NotCompleted,
    /// It is deleted.
    #[error("Audit is deleted")]
    Deleted,
    /// Somebody was faster.
    #[error("Step was changed meanwhile")]
    Changed,
    /// One at a time.
    #[error("A re-run of this step is in progress")]
    RerunActive,
    /// It has cost what an audit may cost.
    #[error("The token budget of this audit is exhausted")]
    BudgetSpent,
    /// The caller asks too often.
    #[error(transparent)]
    TooFast(#[from] TooFast),
    /// Nothing fell back.
    #[error("No step of this audit failed")]
    NoFallback,
    /// Internal.
    #[error(transparent)]
    Store(#[from] sqlx::Error),
    /// Internal.
    #[error(transparent)]
    Workflow(#[from] WorkflowError),
    /// Internal.
    #[error(transparent)]
    Outbox(#[from] vigie_bus::OutboxError),
}

impl ReviewError {
    /// What reviews of a step answer where there is no audit (6.14).
    pub(super) fn of_step(self, position: i32) -> Self {
        match self {
            Self::NoAudit(id) => Self::NoStep(id, position),
            error => error,
        }
    }
}

impl ServiceError for ReviewError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Invalid(_) => ErrorCode::Validation,
            Self::NoAudit(_) | Self::NoStep(..) | Self::NoPoint(..) | Self::NothingToRevoke => {
                ErrorCode::NotFound
            }
            Self::Forbidden => ErrorCode::Authorization,
            Self::TooFast(_) => TooFast::CODE,
            Self::NotCompleted
            | Self::Deleted
            | Self::Changed
            | Self::RerunActive
            | Self::BudgetSpent
            | Self::NoFallback => ErrorCode::Conflict,
            Self::Store(_) | Self::Workflow(_) | Self::Outbox(_) => ErrorCode::Internal,
        }
    }

    fn extras(&self) -> Extras {
        match self {
            Self::TooFast(error) => error.extras(),
            _ => Extras::new(),
        }
    }
}

/// Locks a completed audit that the caller may change.
pub(super) async fn lock(
    tx: &mut PgConnection,
    scope: &FicheScope,
    id: &str,
) -> Result<Audit, ReviewError> {
    let parsed: Result<AuditId, _> = id.parse();
    let parsed = parsed.map_err(|_| ReviewError::Invalid("Invalid audit_id"))?;
    let audit = store::audit::lock_one(tx, parsed).await?;
    let audit = audit.ok_or_else(|| ReviewError::NoAudit(id.to_owned()))?;
    if !store::fiche::in_scope(tx, audit.fiche.as_str(), scope).await? {
        return Err(ReviewError::Forbidden);
    }
    if store::review::is_deleted(tx, audit.id.get()).await? {
        return Err(ReviewError::Deleted);
    }
    if audit.phase != Phase::Completed {
        return Err(ReviewError::NotCompleted);
    }
    Ok(audit)
}

/// Locks a completed audit that may cost more (`AUDIT_MAX_TOKENS`), for who has not asked too often.
pub(super) async fn lock_to_pay(
    tx: &mut PgConnection,
    state: &AppState,
    caller: &Caller,
    scope: &FicheScope,
    id: &str,
) -> Result<Audit, ReviewError> {
    pace::admit::<ReviewError>(tx, state, caller).await?;
    let audit = lock(tx, scope, id).await?;
    let budget = state.workflow.settings().max_tokens;
    if budget > 0 && store::call::spent(tx, audit.id.get()).await? >= budget {
        return Err(ReviewError::BudgetSpent);
    }
    Ok(audit)
}

/// A step of a locked audit, unchanged since it was read.
pub(super) async fn step(
    tx: &mut PgConnection,
    state: &AppState,
    audit: &Audit,
    position: i32,
    lock_version: Option<i32>,
) -> Result<StepLayers, ReviewError> {
    let gating = state.workflow.settings().evidence.gating;
    let mut steps = layers::read(tx, audit.id.get(), gating).await?;
    let step = steps.remove(&position);
    let step = step.ok_or_else(|| ReviewError::NoStep(audit.id.to_string(), position))?;
    if lock_version.is_some_and(|read| read != step.lock_version) {
        return Err(ReviewError::Changed);
    }
    Ok(step)
}

/// The author, from the token; `reviewer` is only what is shown.
pub(super) fn author(
    caller: &Caller,
    reviewer: Option<String>,
    reason: Option<String>,
    refused: &'static str,
) -> Result<Author, ReviewError> {
    let bounded = |text: Option<String>, max: usize| match text {
        Some(text) if text.trim().is_empty() || text.chars().count() > max => {
            Err(ReviewError::Invalid(refused))
        }
        Some(text) if text.contains('\0') => Err(ReviewError::Invalid(refused)),
        text => Ok(text),
    };
    let principal = caller.principal.as_deref();
    let email = principal.map_or_else(String::new, |principal| principal.email.clone());
    Ok(Author {
        user: principal
            .and_then(Principal::user_id)
            .map(|id| id.to_string()),
        label: bounded(reviewer, MAX_REVIEWER_CHARS)?.unwrap_or(email),
        reason: bounded(reason, MAX_REASON_CHARS)?,
    })
}

/// Judges anew after a decision and tells of it.
pub(super) async fn apply(
    tx: &mut PgConnection,
    state: &AppState,
    audit: &Audit,
    place: Place,
    revoked: bool,
    author: &Author,
) -> Result<Rejudged, ReviewError> {
    let announce = |announcer: &mut Announcer, rejudged: &Rejudged| {
        announcer.say_of_step(|audit| ReviewApplied {
            audit,
            step_position: place.position,
            control_point_index: place.point,
            revoked,
            niveau: rejudged.recomputed.compliance.niveau.to_string(),
            score_percentage: rejudged.percentage(),
            status: Reviewed::Only,
        })
    };
    let touched = [place.position];
    let rejudged = state.workflow.recompute(tx, audit, &touched, announce);
    let rejudged = rejudged.await?;
    let mut log = Lines::new(state.workflow.settings().log);
    let message = if revoked {
        "Review revoked"
    } else {
        "Reviewed"
    };
    let data = json!({"position": place.position, "control_point_index": place.point,
        "by_user_id": author.user, "score": rejudged.recomputed.compliance.score});
    log.add(audit, Level::Info, "review", message, data);
    log.insert(tx).await?;
    let word = if revoked { "revoked" } else { "decided" };
    metrics::counter!("audit.reviews", "outcome" => word).increment(1);
    Ok(rejudged)
}

/// The row of a step as 6.9 shows it, with its lock version.
pub(super) async fn shown(
    tx: &mut PgConnection,
    place: Place,
    rejudged: &Rejudged,
) -> Result<(vigie_contracts::audit::v1::StepResult, i32), ReviewError> {
    let rows = view::steps(tx, &[place.audit]).await?;
    let row = rows
        .into_iter()
        .find(|row| row.step_position == place.position);
    let row = row.ok_or_else(|| ReviewError::NoStep(place.audit.to_string(), place.position))?;
    let version = rejudged.steps.get(&place.position);
    Ok((
        crate::rpc::encode::step(row),
        version.map_or(0, |step| step.lock_version),
    ))
}
