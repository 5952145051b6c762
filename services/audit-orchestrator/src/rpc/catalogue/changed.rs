//! Telling that a configuration was changed, with the change.

use sqlx::PgConnection;
use vigie_bus::{OutboxError, outbox};
use vigie_events::config::{AuditConfigChanged, ConfigChange};

/// The user who changes something; none where it is a machine.
pub(super) struct Actor(pub(super) Option<String>);

impl Actor {
    /// Sends the fact of a change that left the configuration at this revision.
    pub(super) async fn changed(
        self,
        tx: &mut PgConnection,
        config: i64,
        version: i32,
        change: ConfigChange,
    ) -> Result<(), OutboxError> {
        let fact = AuditConfigChanged {
            audit_config_id: config,
            change,
            actor_id: self.0,
            version,
        };
        outbox::send(tx, &fact.message()).await
    }
}
