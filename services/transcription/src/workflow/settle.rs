//! One recording is settled: its item, the run's counters and, with the last one, the run's end.

use super::change::subject;
use super::plan::command;
use super::{Workflow, WorkflowError};
use crate::domain::plan::Target;
use crate::domain::run::RunState;
use crate::store::item::{self, End, Item};
use crate::store::log::{Level, Lines};
use crate::store::{call, run};
use serde_json::json;
use sqlx::PgConnection;
use uuid::Uuid;
use vigie_bus::outbox;
use vigie_events::ids::CallId;
use vigie_events::realtime::transcription::{
    InProgress, Progress, RecordingCompleted, RecordingFailed, RecordingIsCompleted,
    RecordingIsFailed, RecordingStarted,
};
use vigie_events::transcription::RecordingTranscribed;

/// A worker reports a failure although somebody else has the recording now.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("lease {held} is lost to lease {current}")]
pub struct Stale {
    /// Number of the worker's lease.
    pub held: i32,
    /// Number of the lease now.
    pub current: i32,
}

/// How a recording ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settlement {
    /// Its transcript is stored, and this run had it made.
    Transcribed {
        /// The provider's id.
        transcription_id: String,
        /// The provider's name for the request.
        request_id: Option<String>,
    },
    /// Its transcript was there.
    Cached {
        /// The provider's id.
        transcription_id: String,
    },
    /// It failed for good.
    Failed {
        /// Class of the failure.
        class: String,
        /// Sanitised text.
        error: String,
        /// The provider's name for the last request.
        request_id: Option<String>,
        /// The lease under which it failed; `None` for who needs none.
        lease: Option<i32>,
    },
    /// Nobody ever came to an end with it.
    Abandoned,
}

impl Settlement {
    const ABANDONED: &'static str = "Recording was given up after its workers stopped";

    fn end(&self) -> End<'_> {
        match self {
            Self::Transcribed { request_id, .. } => End {
                state: "transcribed",
                request_id: request_id.as_deref(),
                ..End::default()
            },
            Self::Cached { .. } => End {
                state: "cached",
                ..End::default()
            },
            Self::Failed {
                class,
                error,
                request_id,
                ..
            } => End {
                state: "failed",
                error_class: Some(class),
                error: Some(error),
                request_id: request_id.as_deref(),
            },
            Self::Abandoned => End {
                state: "abandoned",
                error_class: Some("abandoned"),
                error: Some(Self::ABANDONED),
                ..End::default()
            },
        }
    }

    fn transcription_id(&self) -> Option<&str> {
        match self {
            Self::Transcribed {
                transcription_id, ..
            }
            | Self::Cached { transcription_id } => Some(transcription_id),
            Self::Failed { .. } | Self::Abandoned => None,
        }
    }
}

impl Workflow {
    /// Settles a recording, once: what is settled, or whose run has ended, stays as it is.
    ///
    /// A stored transcript counts whoever has the lease, since it is paid for and there. A failure
    /// counts only under the lease it happened under: the next holder may succeed.
    pub async fn settle(
        &self,
        tx: &mut PgConnection,
        run_id: Uuid,
        call_id: &CallId,
        settlement: &Settlement,
    ) -> Result<(), WorkflowError> {
        let Some(run) = run::lock(tx, run_id).await? else {
            return Ok(());
        };
        if run.state != RunState::Running {
            return Ok(());
        }
        let Some(item) = item::lock(tx, run_id, call_id).await? else {
            return Ok(());
        };
        if !item.open {
            return Ok(());
        }
        if let Settlement::Failed {
            lease: Some(held), ..
        } = settlement
            && *held != item.lease_no
        {
            return Err(Stale {
                held: *held,
                current: item.lease_no,
            }
            .into());
        }
        item::settle(tx, run_id, call_id, &settlement.end()).await?;
        call::doubt(tx, run_id, call_id).await?;
        let mut change = self.change(run);
        change.settled(&item, settlement)?;
        let counts = change.run.counts;
        if counts.is_done() || counts.processed % self.settings.progress_every == 0 {
            change.progress()?;
        }
        if counts.is_done() {
            change.finish(None)?;
        }
        change.save(tx).await
    }

    /// A worker begins with a recording of a locked run.
    pub(crate) async fn recording_started(
        &self,
        tx: &mut PgConnection,
        run: crate::domain::run::Run,
        item: &Item,
    ) -> Result<(), WorkflowError> {
        let mut change = self.change(run);
        let total_to_transcribe = change.run.counts.target;
        change.say(|run| RecordingStarted {
            run,
            call_id: item.call_id.clone(),
            recording_index: item.index,
            total_to_transcribe,
            status: vigie_events::realtime::transcription::Processing::Only,
        })?;
        change.save(tx).await
    }

    /// Sends the command of an open recording once more; gives up one whose leases ran out too often.
    pub async fn send_again(
        &self,
        tx: &mut PgConnection,
        run_id: Uuid,
        call_id: &CallId,
        most_expiries: i32,
    ) -> Result<(), WorkflowError> {
        let Some(run) = run::lock(tx, run_id).await? else {
            return Ok(());
        };
        let Some(item) = item::lock(tx, run_id, call_id).await? else {
            return Ok(());
        };
        // Looked at without a lock: somebody may have taken it since.
        if run.state != RunState::Running || !item.open || item.lease_left.is_some_and(|s| s > 0.0)
        {
            return Ok(());
        }
        call::doubt(tx, run_id, call_id).await?;
        let expired = item.lease_left.is_some();
        if expired && item.expiries + 1 >= most_expiries {
            return self
                .settle(tx, run_id, call_id, &Settlement::Abandoned)
                .await;
        }
        let sending = item::put_back(tx, run_id, call_id, expired).await?;
        let mut lines = Lines::new(self.settings.log);
        let message = if expired {
            "worker of the recording is gone, sent again"
        } else {
            "recording is overdue, sent again"
        };
        let data = json!({"call_id": call_id, "lease": item.lease_no,
            "expiries": item.expiries + i32::from(expired), "sending": sending});
        lines.recording(Level::Warning, run_id, call_id, message, data);
        lines.insert(tx, subject(&run)).await?;
        let target = Target {
            call_id: call_id.clone(),
            index: item.index,
            has_url: true,
        };
        let command = command(&run, target);
        let sending = u32::try_from(sending - 1).unwrap_or(1).max(1);
        Ok(outbox::send_again(tx, &command, sending, None).await?)
    }
}

impl super::Change {
    fn settled(&mut self, item: &Item, settlement: &Settlement) -> serde_json::Result<()> {
        let (place, total) = (item.index, self.run.counts.target);
        self.run.counts.processed += 1;
        let end = settlement.end();
        match settlement {
            Settlement::Cached { transcription_id } => {
                self.run.counts.cached += 1;
                let data = json!({"call_id": item.call_id, "transcription_id": transcription_id});
                self.log_recording(
                    Level::Info,
                    &item.call_id,
                    "recording was transcribed",
                    data,
                );
            }
            Settlement::Transcribed {
                transcription_id, ..
            } => {
                self.say(|run| RecordingCompleted {
                    run,
                    call_id: item.call_id.clone(),
                    transcription_id: transcription_id.clone(),
                    recording_index: place,
                    total_to_transcribe: total,
                    status: RecordingIsCompleted::Only,
                })?;
                let data = json!({"call_id": item.call_id, "transcription_id": transcription_id,
                    "attempts": item.attempts, "lease": item.lease_no,
                    "seconds": item.seconds});
                self.log_recording(Level::Info, &item.call_id, "recording transcribed", data);
            }
            Settlement::Failed { .. } | Settlement::Abandoned => {
                self.run.counts.failed += 1;
                let error = end.error.unwrap_or_default();
                self.say(|run| RecordingFailed {
                    run,
                    call_id: item.call_id.clone(),
                    error: error.to_owned(),
                    recording_index: place,
                    total_to_transcribe: total,
                    status: RecordingIsFailed::Only,
                })?;
                let data = json!({"call_id": item.call_id, "class": end.error_class,
                    "attempts": item.attempts, "lease": item.lease_no,
                    "seconds": item.seconds, "provider_request_id": end.request_id});
                self.log_recording(Level::Warning, &item.call_id, error, data);
            }
        }
        let lane = self.run.lane.as_str();
        metrics::counter!("vigie_transcription_recordings_total", "end" => end.state.to_owned(), "lane" => lane)
            .increment(1);
        if let Some(seconds) = item.seconds {
            metrics::histogram!("vigie_transcription_recording_seconds", "end" => end.state.to_owned(), "lane" => lane)
                .record(seconds);
        }
        self.tell(RecordingTranscribed {
            run_id: self.run.run_id,
            fiche_id: self.run.fiche.clone(),
            call_id: item.call_id.clone(),
            ok: end.error.is_none(),
            cached: matches!(settlement, Settlement::Cached { .. }),
            error: end.error.map(ToOwned::to_owned),
            transcription_id: settlement.transcription_id().map(ToOwned::to_owned),
            recording_index: place,
            total_to_transcribe: total,
        });
        Ok(())
    }

    /// Shows how far the run is.
    fn progress(&mut self) -> serde_json::Result<()> {
        let counts = self.run.counts;
        self.say(|run| Progress {
            run,
            total_recordings: counts.total,
            transcribed: counts.transcribed(),
            pending: counts.pending(),
            failed: counts.failed,
            progress_percentage: counts.percentage(),
            status: InProgress::Only,
        })
    }
}
