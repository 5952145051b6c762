//! From `planned` to `running`, or to the end where there is nothing to do (A5.4, A9).

use super::change::Change;
use super::{Workflow, WorkflowError};
use crate::domain::plan::{Plan, Recordings, Target};
use crate::domain::run::{Run, RunState};
use crate::store::log::Level;
use crate::store::{self, run};
use serde_json::json;
use sqlx::PgConnection;
use uuid::Uuid;
use vigie_bus::outbox;
use vigie_events::Message;
use vigie_events::ids::FicheCacheId;
use vigie_events::realtime::audit::iso;
use vigie_events::realtime::transcription::{
    Checked, IsStarted, RecordingFailed, RecordingIsFailed, Started, StatusCheck,
};
use vigie_events::transcription::{RecordingTranscribe, RecordingTranscribed, RunOutcome};

/// Error of recordings that cannot be fetched.
pub(super) const NO_URL: &str = "No recording URL available";

impl Workflow {
    /// Plans a run whose recordings are known. A run that is planned already stays as it is.
    pub async fn plan(
        &self,
        tx: &mut PgConnection,
        run_id: Uuid,
        recordings: &Recordings,
    ) -> Result<(), WorkflowError> {
        let Some(run) = run::lock(tx, run_id).await? else {
            return Ok(());
        };
        if run.state != RunState::Planned {
            return Ok(());
        }
        let transcribed = if run.force {
            std::collections::HashSet::new()
        } else {
            store::transcript::transcribed(tx, &run.fiche).await?
        };
        let plan = Plan::of(&recordings.list, &transcribed, run.force);
        let mut change = self.change(run);
        change.run.fiche_cache_id = recordings.fiche_cache_id;
        change.run.counts.total = plan.total;
        change.run.counts.already = plan.already;
        change.run.started_at = Some(change.run.now);
        if plan.total > self.settings.max_recordings {
            change.give_up(
                RunOutcome::Skipped,
                "too_many_recordings",
                &format!("Too many recordings ({})", plan.total),
            )?;
            return change.save(tx).await;
        }
        change.say(|run| StatusCheck {
            run,
            total_recordings: plan.total,
            already_transcribed: plan.already,
            needs_transcription: plan.target_total(),
            is_complete: plan.targets.is_empty(),
            status: Checked::Only,
        })?;
        if !plan.targets.is_empty() && !self.settings.provider_configured {
            let error = "ElevenLabs API key not configured (set ELEVENLABS_API_KEY)";
            change.give_up(RunOutcome::Failed, "provider_not_configured", error)?;
            return change.save(tx).await;
        }
        let (priority, now) = (change.run.priority, change.run.now);
        change.say(|run| Started {
            run,
            total_recordings: plan.total,
            priority,
            started_at: iso(now),
            status: IsStarted::Only,
        })?;
        change.log(
            Level::Info,
            "plan",
            "plan ready",
            json!({"total": plan.total, "already_transcribed": plan.already,
                   "to_transcribe": plan.target_total()}),
        );
        if plan.targets.is_empty() {
            change.finish(Some("nothing_to_do"))?;
            return change.save(tx).await;
        }
        change.run.state = RunState::Running;
        change.run.counts.target = plan.target_total();
        store::item::insert(tx, run_id, &plan.targets).await?;
        change.close_missing(&plan.targets)?;
        let commands: Vec<_> = plan
            .targets
            .into_iter()
            .filter(|target| target.has_url)
            .map(|target| command(&change.run, target))
            .collect();
        outbox::send_all(tx, &commands).await?;
        if change.run.counts.is_done() {
            change.finish(None)?;
        }
        change.save(tx).await
    }
}

impl Change {
    /// Recordings without an address fail at once.
    fn close_missing(&mut self, targets: &[Target]) -> Result<(), WorkflowError> {
        let total = self.run.counts.target;
        for target in targets.iter().filter(|target| !target.has_url) {
            self.run.counts.processed += 1;
            self.run.counts.failed += 1;
            self.say(|run| RecordingFailed {
                run,
                call_id: target.call_id.clone(),
                error: NO_URL.to_owned(),
                recording_index: target.index,
                total_to_transcribe: total,
                status: RecordingIsFailed::Only,
            })?;
            self.log_recording(
                Level::Warning,
                &target.call_id,
                "recording without URL",
                json!({"call_id": target.call_id, "reason": "missing_url"}),
            );
            self.tell(RecordingTranscribed {
                run_id: self.run.run_id,
                fiche_id: self.run.fiche.clone(),
                call_id: target.call_id.clone(),
                ok: false,
                cached: false,
                error: Some(NO_URL.to_owned()),
                transcription_id: None,
                recording_index: target.index,
                total_to_transcribe: total,
            });
        }
        Ok(())
    }
}

/// The command for one recording of a run.
pub(super) fn command(run: &Run, target: Target) -> Message<RecordingTranscribe> {
    let body = RecordingTranscribe {
        run_id: run.run_id,
        fiche_id: run.fiche.clone(),
        fiche_cache_id: run.fiche_cache_id.map(FicheCacheId::new),
        call_id: target.call_id,
        recording_index: target.index,
        total_to_transcribe: run.counts.target,
        priority: Some(run.priority),
    };
    body.message(run.lane)
}
