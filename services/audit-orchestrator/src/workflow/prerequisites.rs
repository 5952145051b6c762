//! `fetching` → `transcribing` or `analyzing`, once the fiche is fetched.

use super::{Workflow, WorkflowError};
use crate::domain::announcer::Announcer;
use crate::domain::audit::{Audit, Phase};
use crate::domain::material::Material;
use crate::store;
use crate::store::log::{Level, Lines};
use serde_json::json;
use sqlx::PgConnection;
use vigie_bus::outbox;
use vigie_events::realtime::audit::{Checked, Fetched, FicheFetchCompleted, TranscriptionCheck};
use vigie_events::transcription::FicheTranscribe;

/// What a fetch brought.
#[derive(Debug)]
pub struct FetchedFiche<'a> {
    /// Recordings and transcripts as they stand.
    pub material: &'a Material,
    /// First and last name, empty when unknown.
    pub prospect_name: &'a str,
    /// Whether the CRM was not asked.
    pub from_cache: bool,
}

impl Workflow {
    /// Goes on with a fetching audit whose fiche is there: asks for transcripts, or begins the
    /// analysis at once when they are complete.
    pub async fn fetched(
        &self,
        tx: &mut PgConnection,
        audit: &Audit,
        fetched: &FetchedFiche<'_>,
    ) -> Result<(), WorkflowError> {
        if audit.phase != Phase::Fetching {
            return Ok(());
        }
        let material = fetched.material;
        let mut announcer = Announcer::of(audit, Phase::Transcribing);
        announcer.say(|audit| FicheFetchCompleted {
            audit,
            recordings_count: material.recordings_total,
            prospect_name: fetched.prospect_name.to_owned(),
            from_cache: fetched.from_cache,
            status: Fetched::Only,
        })?;
        announcer.say(|audit| TranscriptionCheck {
            audit,
            total_recordings: material.recordings_total,
            transcribed: material.transcribed,
            needs_transcription: material.recordings_total - material.transcribed,
            status: Checked::Only,
        })?;
        if material.is_complete() {
            return self.analyze(tx, audit, material, announcer).await;
        }
        let sequence = announcer.sequence();
        store::audit::wait_for_transcripts(tx, audit.id, sequence).await?;
        let transcribe = FicheTranscribe::for_audit(audit.id, audit.fiche.clone(), audit.lane);
        outbox::send_and_show(tx, &[transcribe], &announcer.into_messages()).await?;
        let mut log = Lines::new(self.settings.log);
        let counts =
            json!({"total": material.recordings_total, "transcribed": material.transcribed});
        log.add(
            audit,
            Level::Info,
            "transcribing",
            "Transcripts asked for",
            counts,
        );
        log.insert(tx).await?;
        Ok(())
    }

    /// Goes on with a transcribing audit whose transcripts are as complete as they will be.
    pub async fn transcribed(
        &self,
        tx: &mut PgConnection,
        audit: &Audit,
        material: &Material,
    ) -> Result<(), WorkflowError> {
        if audit.phase != Phase::Transcribing {
            return Ok(());
        }
        let announcer = Announcer::of(audit, Phase::Transcribing);
        self.analyze(tx, audit, material, announcer).await
    }
}
