//! `queued` → `fetching`.

use super::{Workflow, WorkflowError};
use crate::domain::announcer::Announcer;
use crate::domain::audit::{Audit, Phase};
use crate::domain::snapshot;
use crate::store;
use crate::store::log::{Level, Lines};
use serde_json::json;
use sqlx::PgConnection;
use vigie_bus::outbox;
use vigie_events::fiche::FicheFetch;
use vigie_events::realtime::audit::{Fetching, FicheFetchStarted};

impl Workflow {
    /// Starts a queued audit: its deadline begins and the fiche is asked for.
    pub async fn begin(&self, tx: &mut PgConnection, audit: &Audit) -> Result<(), WorkflowError> {
        let mut announcer = Announcer::of(audit, Phase::Fetching);
        announcer.say(|audit| FicheFetchStarted {
            audit,
            from_cache: false,
            status: Fetching::Only,
        })?;
        let started = Audit {
            started_at: Some(audit.now),
            ..audit.clone()
        };
        let deadline = self.settings.deadlines.of(audit.lane);
        let snapshot = snapshot::running(&started);
        let sequence = announcer.sequence();
        if !store::audit::start(tx, audit.id, deadline, sequence, &snapshot).await? {
            return Ok(());
        }
        let fetch = FicheFetch::for_audit(audit.id, audit.fiche.clone(), audit.lane);
        outbox::send_and_show(tx, &[fetch], &announcer.into_messages()).await?;
        let mut log = Lines::new(self.settings.log);
        log.add(audit, Level::Info, "fetching", "Fiche asked for", json!({}));
        log.insert(tx).await?;
        Ok(())
    }
}
