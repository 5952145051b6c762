//! `Trigger` (B3.5): the run's row and its `automation/run`, at once.
//!
//! This version carries out manual selections only: schedules of other modes are stored, and
//! triggering one is refused as invalid until an override names the fiches.

use super::RpcError;
use super::schedules::schedule_id;
use crate::app::AppState;
use crate::domain::access::{Reach, actor};
use crate::domain::plan::Plan;
use crate::domain::selection::{Mode, Selection};
use crate::domain::snapshot;
use crate::store;
use crate::store::run::NewRun;
use crate::store::schedule::Schedule;
use serde_json::{Value, json};
use vigie_bus::outbox;
use vigie_contracts::automation::v1::{TriggerRequest, TriggerResponse};
use vigie_events::automation::AutomationRun;
use vigie_events::ids::{AutomationRunId, FicheId, ScheduleId};
use vigie_events::realtime::automation::{IsRunning, RunRef, RunStarted};
use vigie_events::realtime::{Entity, Realtime};
use vigie_identity::{Caller, FicheScope, Guard, Principal};

/// What decides which fiches a run by hand may touch.
pub(super) const FICHES: Guard = Guard::parse("fiches.read");

const REFUSED: &str = "Invalid trigger automation data";
const OVERRIDE: &str = "body.overrideFicheSelection";

/// A trigger by somebody.
pub(super) struct Trigger<'a> {
    pub(super) state: &'a AppState,
    pub(super) caller: &'a Caller,
    pub(super) principal: &'a Principal,
    pub(super) reach: Reach,
    pub(super) fiches: FicheScope,
}

impl Trigger<'_> {
    /// Starts a run of a schedule within reach.
    pub(super) async fn run(&self, request: &TriggerRequest) -> Result<TriggerResponse, RpcError> {
        let id = schedule_id(&request.schedule_id).map_err(|_| {
            RpcError::invalid(
                REFUSED,
                "body.scheduleId",
                "invalid_id",
                "Expected a positive integer",
            )
        })?;
        let overriding = overriding(request)?;
        let schedule = self.schedule(id).await?;
        let overridden = overriding.is_some();
        let selection = overriding.unwrap_or_else(|| schedule.settings.selection.clone());
        let fiches = manual_fiches(&selection)?;
        self.check_scope(&fiches).await?;
        let snapshot = snapshot::of(&schedule.settings, &selection, overridden);
        let max_recordings = self.state.workflow.settings().max_recordings;
        let plan = Plan::of(&schedule.settings, &selection, max_recordings);
        let run = self
            .start(&schedule, request.allow_overlap, &fiches, &snapshot, &plan)
            .await?;
        let job_id = format!("automation-run-{run}");
        Ok(TriggerResponse {
            run_id: run.to_string(),
            event_ids: vec![job_id.clone()],
            job_id,
        })
    }

    async fn schedule(&self, id: ScheduleId) -> Result<Schedule, RpcError> {
        let mut conn = self.state.db.acquire().await?;
        let mut found = store::schedule::find(&mut conn, &self.reach, Some(id), true).await?;
        found.pop().ok_or(RpcError::ScheduleNotFound)
    }

    /// Whoever sees everything may name any fiche: unknown ones are left out by the run.
    async fn check_scope(&self, fiches: &[FicheId]) -> Result<(), RpcError> {
        if self.fiches.all() || fiches.is_empty() {
            return Ok(());
        }
        let allowed = self
            .state
            .neighbours
            .may_read_all(self.caller, fiches)
            .await?;
        if allowed {
            Ok(())
        } else {
            Err(RpcError::Forbidden)
        }
    }

    async fn start(
        &self,
        schedule: &Schedule,
        allow_overlap: bool,
        fiches: &[FicheId],
        snapshot: &Value,
        plan: &Plan,
    ) -> Result<AutomationRunId, RpcError> {
        let triggered_by = actor(self.principal);
        let mut tx = self.state.db.begin().await?;
        if !store::schedule::lock(&mut tx, schedule.id).await? {
            return Err(RpcError::ScheduleNotFound);
        }
        if !allow_overlap && let Some(open) = store::run::open_of(&mut tx, schedule.id).await? {
            return Err(RpcError::RunOpen(open));
        }
        let new = NewRun {
            schedule: schedule.id,
            triggered_by: &triggered_by,
            allow_overlap,
            snapshot,
            plan,
            fiches,
            deadline: self.state.workflow.settings().run_deadline,
        };
        let run = store::run::insert(&mut tx, &new).await?;
        store::schedule::started(&mut tx, schedule.id).await?;
        outbox::show(&mut tx, &[started(schedule.id, run)?]).await?;
        let mut log = store::log::Lines::default();
        let metadata = json!({"triggered_by": triggered_by, "fiches": fiches.len()});
        log.add(store::log::Level::Info, "run created", &metadata);
        log.insert(&mut tx, run).await?;
        let command = AutomationRun {
            schedule_id: schedule.id,
            run_id: run,
            due_at: None,
        };
        outbox::send(&mut tx, &command.message()).await?;
        tx.commit().await?;
        tracing::info!(run.id = %run, schedule.id = %schedule.id, "automation run created");
        Ok(run)
    }
}

/// The first message of a run; its row says that number 1 is taken.
fn started(schedule: ScheduleId, run: AutomationRunId) -> serde_json::Result<Realtime> {
    let reference = RunRef::of(schedule, run);
    let also = [reference.schedule_channel()];
    let message = RunStarted {
        run: reference,
        due_at: None,
        status: IsRunning::Only,
    };
    Realtime::new(&Entity::AutomationRun(run.to_string()), 1, &message, &also)
}

fn overriding(request: &TriggerRequest) -> Result<Option<Selection>, RpcError> {
    let Some(text) = &request.override_fiche_selection_json else {
        return Ok(None);
    };
    let value: Value = serde_json::from_str(text)
        .map_err(|_| RpcError::invalid(REFUSED, OVERRIDE, "invalid_json", "Expected JSON"))?;
    let selection = Selection::read(&value, OVERRIDE);
    selection.map(Some).map_err(|details| RpcError::Invalid {
        message: REFUSED,
        details,
    })
}

fn manual_fiches(selection: &Selection) -> Result<Vec<FicheId>, RpcError> {
    if selection.mode != Mode::Manual {
        return Err(RpcError::invalid(
            REFUSED,
            "ficheSelection.mode",
            "not_supported",
            "Only manual selections can be run by this version",
        ));
    }
    selection.manual_fiches().map_err(|bad| {
        RpcError::invalid(
            REFUSED,
            "ficheSelection.ficheIds",
            "invalid_fiche_id",
            &bad.to_string(),
        )
    })
}
