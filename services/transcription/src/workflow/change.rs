//! What one transaction does to a locked run: its row, messages, realtime and log, saved together.

use super::WorkflowError;
use crate::domain::run::Run;
use crate::store;
use crate::store::log::{Level, Lines};
use serde_json::Value;
use sqlx::PgConnection;
use vigie_bus::outbox;
use vigie_events::Message;
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
        if let Some(ended) = &self.ended {
            outbox::send(tx, ended).await?;
        }
        outbox::show(tx, &self.realtime).await?;
        self.lines.insert(tx, &self.run).await?;
        Ok(())
    }
}
