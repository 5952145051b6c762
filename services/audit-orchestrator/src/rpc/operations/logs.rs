//! `ListAuditLogs` (`audits.md` 6.10).

use crate::app::AppState;
use crate::domain::time::iso;
use crate::rpc::get::{GetAuditError, visible};
use crate::store::story::{self, Line, Wanted};
use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use tonic::Status;
use vigie_contracts::audit::v1 as pb;
use vigie_identity::{Caller, FicheScope, Guard};
use vigie_service::{Detail, ErrorCode, ServiceError, status};

const GUARD: Guard = Guard::parse("audits.read");
const MOST: i32 = 1_000;

#[derive(Debug, thiserror::Error)]
enum LogsError {
    #[error("Invalid {0} (expected ISO 8601 date-time)")]
    Time(&'static str),
    #[error(transparent)]
    Audit(#[from] GetAuditError),
    #[error(transparent)]
    Store(#[from] sqlx::Error),
}

impl ServiceError for LogsError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Time(_) => ErrorCode::Validation,
            Self::Audit(error) => error.code(),
            Self::Store(_) => ErrorCode::Internal,
        }
    }

    fn details(&self) -> Vec<Detail> {
        match self {
            Self::Time(parameter) => vec![Detail {
                path: format!("query.{parameter}"),
                code: "invalid".to_owned(),
                message: self.to_string(),
            }],
            Self::Audit(_) | Self::Store(_) => Vec::new(),
        }
    }
}

/// The story of an audit in the caller's scope, oldest first.
pub async fn list_audit_logs(
    state: &AppState,
    caller: &Caller,
    request: pb::ListAuditLogsRequest,
) -> Result<pb::ListAuditLogsResponse, Status> {
    let scope = caller.require(GUARD)?;
    list(state, &scope, request).await.map_err(status)
}

async fn list(
    state: &AppState,
    scope: &FicheScope,
    request: pb::ListAuditLogsRequest,
) -> Result<pb::ListAuditLogsResponse, LogsError> {
    let wanted = Wanted {
        since: time("since", request.since.as_deref())?,
        until: time("until", request.until.as_deref())?,
        level: request.level,
        step: request.step,
        attempt: request.attempt,
        limit: request.limit.clamp(1, MOST).into(),
        offset: request.offset.max(0).into(),
    };
    let mut conn = state.db.acquire().await?;
    let (id, _) = visible(&mut conn, scope, &request.audit_id).await?;
    let lines = story::of(&mut conn, id, &wanted).await?;
    Ok(pb::ListAuditLogsResponse {
        logs: lines.into_iter().map(encode).collect(),
    })
}

/// A date is its midnight.
fn time(name: &'static str, text: Option<&str>) -> Result<Option<DateTime<Utc>>, LogsError> {
    let Some(text) = text.map(str::trim).filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    if let Ok(day) = text.parse::<NaiveDate>() {
        return Ok(Some(day.and_time(NaiveTime::MIN).and_utc()));
    }
    let time = crate::domain::time::parse(text);
    time.map(Some).ok_or(LogsError::Time(name))
}

fn encode(line: Line) -> pb::AuditLogEntry {
    pb::AuditLogEntry {
        id: line.id,
        workflow: line.workflow,
        level: line.level,
        entity_type: line.entity_type,
        entity_id: line.entity_id,
        trace_id: line.trace_id,
        event_id: line.event_id,
        function_id: line.function_id,
        step_name: line.step_name,
        message: line.message,
        data_json: line.data,
        created_at: iso(line.created_at),
    }
}
