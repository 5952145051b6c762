//! `GetControlPoint` (`audits.md` 6.13).

use crate::app::AppState;
use crate::rpc::get::{GetAuditError, visible};
use crate::store::point::{self, Place};
use tonic::Status;
use vigie_contracts::audit::v1 as pb;
use vigie_identity::{Caller, FicheScope, Guard};
use vigie_service::{ErrorCode, ServiceError, status};

const GUARD: Guard = Guard::parse("audits.read");

#[derive(Debug, thiserror::Error)]
enum PointError {
    #[error("Invalid {0}")]
    Invalid(&'static str),
    #[error("Audit control point with ID '{0}:{1}:{2}' not found")]
    NotFound(String, i32, i32),
    #[error(transparent)]
    Audit(#[from] GetAuditError),
    #[error(transparent)]
    Store(#[from] sqlx::Error),
}

impl ServiceError for PointError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Invalid(_) => ErrorCode::Validation,
            Self::NotFound(..) => ErrorCode::NotFound,
            Self::Audit(error) => error.code(),
            Self::Store(_) => ErrorCode::Internal,
        }
    }
}

/// A control point of an audit in the caller's scope.
pub async fn get_control_point(
    state: &AppState,
    caller: &Caller,
    request: &pb::GetControlPointRequest,
) -> Result<pb::GetControlPointResponse, Status> {
    let scope = caller.require(GUARD)?;
    let point = show(state, &scope, request).await.map_err(status)?;
    Ok(pb::GetControlPointResponse { point: Some(point) })
}

async fn show(
    state: &AppState,
    scope: &FicheScope,
    request: &pb::GetControlPointRequest,
) -> Result<pb::ControlPointView, PointError> {
    let step = place("step_position", &request.step_position)?;
    let index = place("control_point_index", &request.control_point_index)?;
    let mut conn = state.db.acquire().await?;
    let gone = || PointError::NotFound(request.audit_id.clone(), step, index);
    let (audit, _) =
        visible(&mut conn, scope, &request.audit_id)
            .await
            .map_err(|error| match error {
                // To the caller, nothing is there either way.
                GetAuditError::NotFound => gone(),
                error => error.into(),
            })?;
    let place = Place { audit, step, index };
    let point = point::at(&mut conn, place).await?;
    let point = point.ok_or_else(gone)?;
    Ok(pb::ControlPointView {
        audit_id: audit.to_string(),
        step_position: step,
        control_point_index: index,
        point: point.point,
        statut: point.statut,
        commentaire: point.commentaire,
        verdict: point.verdict,
        verdict_source: point.verdict_source,
    })
}

fn place(name: &'static str, text: &str) -> Result<i32, PointError> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse().ok().filter(|number| digits && *number > 0);
    number.ok_or(PointError::Invalid(name))
}
