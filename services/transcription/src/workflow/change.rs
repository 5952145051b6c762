//! What one transaction does to a locked run: its row, messages, realtime and log, saved together.

use super::WorkflowError;
use crate::domain::run::Run;
use crate::store;
use crate::store::batch::Batch;
use crate::store::log::{Level, Lines, Subject};
use serde_json::Value;
use sqlx::PgConnection;
use vigie_bus::outbox;
use vigie_events::Message;
use vigie_events::ids::CallId;
use vigie_events::realtime::batch::{BatchCompleted, BatchOperation, BatchProgress};
use vigie_events::realtime::transcription::RunRef;
use vigie_events::realtime::{Entity, Realtime, RealtimeEvent};
use vigie_events::transcription::{FicheTranscribed, RecordingTranscribed};

/// A locked run on its way to the next state.
#[derive(Debug)]
pub(super) struct Change {
    pub run: Run,
    entity: Entity,
    reference: RunRef,
    realtime: Vec<Realtime>,
    lines: Lines,
    settled: Vec<Message<RecordingTranscribed>>,
    ended: Option<Message<FicheTranscribed>>,
}

impl Change {
    pub(super) fn of(run: Run, log: bool) -> Self {
        let entity = Entity::Transcription {
            run_id: run.run_id.to_string(),
            fiche_id: run.fiche.to_string(),
        };
        Self {
            reference: run.reference(),
            run,
            entity,
            realtime: Vec::new(),
            lines: Lines::new(log),
            settled: Vec::new(),
            ended: None,
        }
    }

    /// Adds the next realtime message.
    pub(super) fn say<E: RealtimeEvent>(
        &mut self,
        message: impl FnOnce(RunRef) -> E,
    ) -> serde_json::Result<()> {
        let message = message(self.reference.clone());
        let sequence = self.run.sequence + 1;
        self.realtime
            .push(Realtime::new(&self.entity, sequence, &message, &[])?);
        self.run.sequence = sequence;
        Ok(())
    }

    /// Adds a line to the log.
    pub(super) fn log(
        &mut self,
        level: Level,
        step: &'static str,
        message: impl Into<String>,
        data: Value,
    ) {
        self.lines.add(level, step, message, data);
    }

    /// Adds a line about a recording.
    pub(super) fn log_recording(
        &mut self,
        level: Level,
        call: &CallId,
        message: impl Into<String>,
        data: Value,
    ) {
        self.lines
            .recording(level, self.run.run_id, call, message, data);
    }

    /// Tells that a recording is settled.
    pub(super) fn tell(&mut self, fact: RecordingTranscribed) {
        self.settled.push(fact.message());
    }

    /// Tells that the run ended.
    pub(super) fn end(&mut self, fact: FicheTranscribed) {
        self.ended = Some(fact.message());
    }

    /// Stores and sends all of it.
    pub(super) async fn save(self, tx: &mut PgConnection) -> Result<(), WorkflowError> {
        store::run::save(tx, &self.run).await?;
        outbox::send_all(tx, &self.settled).await?;
        let mut realtime = self.realtime;
        if let Some(ended) = &self.ended {
            outbox::send(tx, ended).await?;
            if self.run.batched {
                let outcome = ended.body.status;
                for batch in store::batch::run_ended(tx, self.run.run_id, outcome).await? {
                    realtime.extend(counted(&batch)?);
                }
            }
        }
        outbox::show(tx, &realtime).await?;
        self.lines.insert(tx, subject(&self.run)).await?;
        Ok(())
    }
}

/// What log lines of a run are about.
pub(super) fn subject(run: &Run) -> Subject<'_> {
    Subject {
        fiche: &run.fiche,
        run_id: run.run_id,
        request_id: run.request_ids.first().map(String::as_str),
    }
}

/// `batch.progress` of a batch as it stands.
pub(super) fn progress(batch: &Batch, sequence: i64) -> serde_json::Result<Realtime> {
    let entity = Entity::Batch(batch.batch_id.clone());
    let shown = BatchProgress {
        batch_id: batch.batch_id.clone(),
        operation_type: BatchOperation::Transcription,
        total: batch.total,
        completed: batch.completed,
        failed: batch.failed,
        progress_percentage: batch.percentage(),
    };
    Realtime::new(&entity, sequence, &shown, &[])
}

/// What a batch shows after a member has ended.
fn counted(batch: &Batch) -> serde_json::Result<Vec<Realtime>> {
    let Some(ended) = batch.completed_at else {
        return Ok(vec![progress(batch, batch.sequence)?]);
    };
    let entity = Entity::Batch(batch.batch_id.clone());
    let completed = BatchCompleted {
        batch_id: batch.batch_id.clone(),
        operation_type: BatchOperation::Transcription,
        total: batch.total,
        completed: batch.completed,
        failed: batch.failed,
        duration_ms: (ended - batch.created_at).num_milliseconds().max(0),
    };
    Ok(vec![
        progress(batch, batch.sequence - 1)?,
        Realtime::new(&entity, batch.sequence, &completed, &[])?,
    ])
}
