//! Numbers the realtime messages of one audit within one transaction.

use crate::domain::audit::{Audit, Phase};
use vigie_events::realtime::audit::{Approach, AuditRef};
use vigie_events::realtime::{Channel, Entity, Realtime, RealtimeEvent};

/// Collects messages; the caller stores [`sequence`](Self::sequence) with the audit and sends them.
#[derive(Debug)]
pub struct Announcer {
    reference: AuditRef,
    entity: Entity,
    sequence: i64,
    messages: Vec<Realtime>,
}

impl Announcer {
    /// Goes on from the audit's last message, for an audit that is in (or reaches) this phase.
    pub fn of(audit: &Audit, phase: Phase) -> Self {
        Self {
            reference: audit.reference(phase),
            entity: Entity::Audit(audit.id.to_string()),
            sequence: audit.sequence,
            messages: Vec::new(),
        }
    }

    /// The messages that follow are of this phase.
    pub fn enter(&mut self, phase: Phase) {
        phase.as_str().clone_into(&mut self.reference.phase);
    }

    /// The messages that follow tell how the transcript was read in the end.
    pub const fn approach(&mut self, approach: Approach) {
        self.reference.approach = Some(approach);
    }

    /// Adds the next message.
    pub fn say<E: RealtimeEvent>(
        &mut self,
        message: impl FnOnce(AuditRef) -> E,
    ) -> serde_json::Result<()> {
        let message = message(self.reference.clone());
        self.push(&message, &[])
    }

    /// Adds the next message about a step, which carries no `event_id`.
    pub fn say_of_step<E: RealtimeEvent>(
        &mut self,
        message: impl FnOnce(AuditRef) -> E,
    ) -> serde_json::Result<()> {
        let message = message(self.reference.of_step());
        self.push(&message, &[])
    }

    /// Adds the next message as it stands, also for these channels.
    pub fn say_also<E: RealtimeEvent>(
        &mut self,
        message: &E,
        also: &[Channel],
    ) -> serde_json::Result<()> {
        self.push(message, also)
    }

    fn push<E: RealtimeEvent>(&mut self, message: &E, also: &[Channel]) -> serde_json::Result<()> {
        let sequence = self.sequence + 1;
        self.messages
            .push(Realtime::new(&self.entity, sequence, message, also)?);
        self.sequence = sequence;
        Ok(())
    }

    /// Number of the last message.
    pub const fn sequence(&self) -> i64 {
        self.sequence
    }

    /// The messages, in order.
    pub fn into_messages(self) -> Vec<Realtime> {
        self.messages
    }
}
