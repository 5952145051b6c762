//! `CreateSchedule` (B2, B3.1).

use super::RpcError;
use super::encode::schedule_message;
use crate::app::AppState;
use crate::domain::access::{Owner, Reach};
use crate::domain::schedule::{BadSchedule, NewSchedule};
use crate::store;
use vigie_contracts::automation::v1::{CreateScheduleRequest, CreateScheduleResponse};
use vigie_identity::Principal;

const REFUSED: &str = "Invalid automation schedule data";

/// Makes a schedule that belongs to the caller.
pub(super) async fn create_schedule(
    state: &AppState,
    principal: &Principal,
    request: &CreateScheduleRequest,
) -> Result<CreateScheduleResponse, RpcError> {
    let body = serde_json::from_str(&request.body_json)
        .map_err(|_| RpcError::invalid(REFUSED, "body", "invalid_json", "Expected JSON"))?;
    let new = NewSchedule::read(&body).map_err(|bad| match bad {
        BadSchedule::Invalid(details) => RpcError::Invalid {
            message: REFUSED,
            details,
        },
        BadSchedule::Incomplete(message) => RpcError::Invalid {
            message,
            details: Vec::new(),
        },
    })?;
    let mut tx = state.db.begin().await?;
    let id = store::schedule::insert(&mut tx, &new, &Owner::of(principal)).await?;
    let everything = Reach {
        all: true,
        groupes: Vec::new(),
        user: None,
    };
    let made = store::schedule::find(&mut tx, &everything, Some(id), true).await?;
    tx.commit().await?;
    tracing::info!(schedule.id = %id, "automation schedule made");
    let schedule = made.first().ok_or(RpcError::ScheduleNotFound)?;
    Ok(CreateScheduleResponse {
        schedule: Some(schedule_message(schedule)),
    })
}
