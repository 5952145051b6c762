//! One transaction of one locked run: what it tells, collected until the end.

use super::{Workflow, WorkflowError};
use crate::domain::item::{Item, ItemFailure, ItemState, open, total};
use crate::store;
use crate::store::log::Lines;
use crate::store::run::{Phase, Run};
use chrono::TimeDelta;
use sqlx::PgConnection;
use vigie_bus::outbox;
use vigie_events::Message;
use vigie_events::automation::ItemSettled;
use vigie_events::fiche::FicheFetch;
use vigie_events::ids::{AutomationRunId, FicheId};
use vigie_events::realtime::automation::{RunProgress, RunRef};
use vigie_events::realtime::{Channel, Entity, Realtime, RealtimeEvent};

/// Between two progress messages of a run.
const PROGRESS_EVERY: TimeDelta = TimeDelta::seconds(2);

/// A locked run and what is to be told about it.
pub(super) struct Turn {
    pub(super) run: Run,
    pub(super) reference: RunRef,
    pub(super) log: Lines,
    /// Whether a slot may be free.
    pub(super) slots_free: bool,
    /// Whether anything changed.
    pub(super) touched: bool,
    settled: Vec<Message<ItemSettled>>,
    shown: Vec<Realtime>,
}

impl Turn {
    pub(super) fn of(run: Run) -> Self {
        Self {
            reference: RunRef::of(run.schedule, run.id),
            run,
            log: Lines::default(),
            slots_free: false,
            touched: false,
            settled: Vec::new(),
            shown: Vec::new(),
        }
    }

    /// Counts a fiche that goes from one state to another.
    pub(super) fn count(&mut self, from: ItemState, to: ItemState) {
        *from.counter(&mut self.run.counters) -= 1;
        *to.counter(&mut self.run.counters) += 1;
        self.touched = true;
    }

    /// Counts and tells a fiche that was closed.
    pub(super) fn settle(
        &mut self,
        fiche: &FicheId,
        from: ItemState,
        to: ItemState,
        failure: Option<&ItemFailure>,
    ) {
        self.count(from, to);
        self.slots_free = true;
        let settled = ItemSettled {
            run_id: self.run.id,
            fiche_id: fiche.clone(),
            state: to.as_str().to_owned(),
            error_stage: failure.map(|failure| failure.stage.as_str().to_owned()),
            error_code: failure.map(|failure| failure.code.to_owned()),
        };
        self.settled.push(settled.message());
    }

    /// Adds the next realtime message.
    pub(super) fn say<E: RealtimeEvent>(&mut self, message: &E) -> serde_json::Result<()> {
        self.say_on(message, &[])
    }

    /// Adds the next realtime message, shown on the schedule's channel too.
    pub(super) fn say_to_schedule<E: RealtimeEvent>(
        &mut self,
        message: &E,
    ) -> serde_json::Result<()> {
        let channel = self.reference.schedule_channel();
        self.say_on(message, &[channel])
    }

    fn say_on<E: RealtimeEvent>(
        &mut self,
        message: &E,
        also: &[Channel],
    ) -> serde_json::Result<()> {
        let entity = Entity::AutomationRun(self.run.id.to_string());
        let sequence = self.run.sequence + 1;
        self.shown
            .push(Realtime::new(&entity, sequence, message, also)?);
        self.run.sequence = sequence;
        self.touched = true;
        Ok(())
    }

    /// Shows how far the run is.
    pub(super) fn say_progress(&mut self) -> serde_json::Result<()> {
        let counters = self.run.counters;
        let total = total(&counters);
        let closed = total - open(&counters);
        let message = RunProgress {
            run: self.reference.clone(),
            phase: self.run.phase.to_string(),
            total,
            counters,
            audits_done: self.run.audits,
            audits_total: self.run.audits_total,
            progress_percentage: (closed * 100).checked_div(total).unwrap_or(100),
        };
        self.run.progress_at = Some(self.run.now);
        self.say(&message)
    }

    fn progress_is_due(&self) -> bool {
        self.run
            .progress_at
            .is_none_or(|last| self.run.now - last >= PROGRESS_EVERY)
    }

    /// Stores the counters and hands over everything told so far.
    pub(super) async fn flush(&mut self, tx: &mut PgConnection) -> Result<(), WorkflowError> {
        store::run::save(tx, &self.run).await?;
        outbox::send_all(tx, &std::mem::take(&mut self.settled)).await?;
        outbox::show(tx, &std::mem::take(&mut self.shown)).await?;
        std::mem::take(&mut self.log)
            .insert(tx, self.run.id)
            .await?;
        Ok(())
    }
}

impl Workflow {
    /// Locks runs in the order given, before any of them is moved: slots are given last.
    pub async fn hold(
        &self,
        tx: &mut PgConnection,
        runs: &[AutomationRunId],
    ) -> Result<(), WorkflowError> {
        for run in runs {
            store::run::lock(tx, *run).await?;
        }
        Ok(())
    }

    /// Locks a run that is in `processing`; `None` otherwise.
    pub(super) async fn processing(
        &self,
        tx: &mut PgConnection,
        id: AutomationRunId,
    ) -> Result<Option<Turn>, WorkflowError> {
        let run = store::run::lock(tx, id).await?;
        Ok(run
            .filter(|run| run.phase == Phase::Processing)
            .map(Turn::of))
    }

    /// Locks the run of a fiche and reads the fiche, when both may still move.
    pub(super) async fn waiting(
        &self,
        tx: &mut PgConnection,
        run: AutomationRunId,
        fiche: &FicheId,
    ) -> Result<Option<(Turn, Item)>, WorkflowError> {
        let Some(turn) = self.processing(tx, run).await? else {
            return Ok(None);
        };
        let item = store::item::get(tx, run, fiche).await?;
        Ok(item
            .filter(|item| !item.state.is_final())
            .map(|item| (turn, item)))
    }

    /// Ends the run with its last fiche, else shows progress; then hands free slots on.
    pub(super) async fn close(
        &self,
        tx: &mut PgConnection,
        mut turn: Turn,
    ) -> Result<(), WorkflowError> {
        if !turn.touched {
            return Ok(());
        }
        let slots_free = turn.slots_free;
        if open(&turn.run.counters) == 0 {
            self.finish(tx, turn, None).await?;
        } else {
            if turn.progress_is_due() {
                turn.say_progress()?;
            }
            turn.flush(tx).await?;
        }
        if slots_free {
            self.give_slots(tx).await?;
        }
        Ok(())
    }

    /// Gives free slots to waiting fiches of any run and asks for their details.
    pub async fn give_slots(&self, tx: &mut PgConnection) -> Result<usize, WorkflowError> {
        let settings = self.settings();
        let given = store::slots::give(tx, settings.limits, settings.details_wait).await?;
        let count = given.len();
        let fetches: Vec<Message<FicheFetch>> = given
            .into_iter()
            .map(|(run, fiche)| FicheFetch::for_automation(run, fiche, 0))
            .collect();
        outbox::send_all(tx, &fetches).await?;
        Ok(count)
    }
}
