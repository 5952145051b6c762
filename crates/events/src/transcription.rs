//! Messages about transcription (`events-and-config.md` D2, D6).

use crate::ids::{AuditId, AutomationRunId, CallId, FicheCacheId, FicheId};
use crate::{Event, Kind, Lane, Message, MessageId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Wire priority of a transcription; it chooses the lane (A8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Priority {
    /// Lane `interactive`.
    High,
    /// The lane of who asks.
    #[default]
    Normal,
    /// Lane `bulk`.
    Low,
}

impl Priority {
    /// The lane of this priority, given the lane of who asks.
    pub const fn lane(self, asking: Lane) -> Lane {
        match self {
            Self::High => Lane::Interactive,
            Self::Normal => asking,
            Self::Low => Lane::Bulk,
        }
    }

    /// Wire text.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::High => "high",
            Self::Normal => "normal",
            Self::Low => "low",
        }
    }
}

/// `fiche/transcribe`: have every recording of the fiche transcribed.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct FicheTranscribe {
    /// The fiche.
    pub fiche_id: FicheId,
    /// Default `normal`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<Priority>,
    /// Who asked, for information.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// Accepted and ignored: nobody waits inside a job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait_for_completion: Option<bool>,
    /// Transcribe again what is transcribed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub force: Option<bool>,
    /// The automation run that asked; comes back in the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub automation_run_id: Option<AutomationRunId>,
}

impl FicheTranscribe {
    /// Asked over HTTP: `transcribe-<ficheId>-<epochMs>`.
    pub fn for_request(
        fiche: FicheId,
        epoch_ms: i64,
        priority: Priority,
        force: bool,
        user_id: Option<String>,
    ) -> Message<Self> {
        let id = MessageId::new(format!("transcribe-{fiche}-{epoch_ms}"));
        let body = Self {
            priority: Some(priority),
            user_id,
            force: force.then_some(true),
            ..Self::plain(fiche)
        };
        Message::in_lane(id, priority.lane(Lane::Interactive), body)
    }

    /// Asked by an audit, in its own lane: `audit-<auditDbId>-transcribe`.
    pub fn for_audit(audit: AuditId, fiche: FicheId, lane: Lane) -> Message<Self> {
        let id = MessageId::new(format!("audit-{audit}-transcribe"));
        let body = Self {
            priority: Some(Priority::High),
            ..Self::plain(fiche)
        };
        Message::in_lane(id, lane, body)
    }

    /// Asked by an automation run: `automation-<runId>-transcribe-<ficheId>`, `-retry-<n>` from the
    /// first retry on.
    pub fn for_automation(
        run: AutomationRunId,
        fiche: FicheId,
        priority: Priority,
        force: bool,
        retry: u32,
    ) -> Message<Self> {
        let id = MessageId::new(format!("automation-{run}-transcribe-{fiche}")).retry(retry);
        let body = Self {
            priority: Some(priority),
            force: force.then_some(true),
            automation_run_id: Some(run),
            ..Self::plain(fiche)
        };
        Message::in_lane(id, priority.lane(Lane::Bulk), body)
    }

    fn plain(fiche_id: FicheId) -> Self {
        Self {
            fiche_id,
            priority: None,
            user_id: None,
            wait_for_completion: Some(false),
            force: None,
            automation_run_id: None,
        }
    }
}

impl Event for FicheTranscribe {
    const NAME: &'static str = "fiche/transcribe";
    const KIND: Kind = Kind::LanedCommand;
    const ABOUT: &'static str = "Have every recording of a fiche transcribed.";

    fn entity(&self) -> Vec<String> {
        vec![self.fiche_id.to_string()]
    }
}

/// `transcription/recording.transcribe`: transcribe one recording of a run. Its URL is read by the
/// worker, never sent.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct RecordingTranscribe {
    /// The run.
    pub run_id: Uuid,
    /// The fiche.
    pub fiche_id: FicheId,
    /// Its row in the cache.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fiche_cache_id: Option<FicheCacheId>,
    /// The recording.
    pub call_id: CallId,
    /// From 1, within the run.
    pub recording_index: i32,
    /// Recordings of the run.
    pub total_to_transcribe: i32,
    /// As asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<Priority>,
}

impl RecordingTranscribe {
    /// `transcription-recording-<run_id>-<call_id>`.
    pub fn message(self, lane: Lane) -> Message<Self> {
        let id = format!("transcription-recording-{}-{}", self.run_id, self.call_id);
        Message::in_lane(MessageId::new(id), lane, self)
    }
}

impl Event for RecordingTranscribe {
    const NAME: &'static str = "transcription/recording.transcribe";
    const KIND: Kind = Kind::LanedCommand;
    const ABOUT: &'static str = "Transcribe one recording of a run.";

    fn entity(&self) -> Vec<String> {
        vec![self.run_id.to_string(), self.call_id.to_string()]
    }
}

/// `transcription/recording.transcribed`: one recording of a run is settled. For listeners only.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct RecordingTranscribed {
    /// The run.
    pub run_id: Uuid,
    /// The fiche.
    pub fiche_id: FicheId,
    /// The recording.
    pub call_id: CallId,
    /// Whether a transcript is stored.
    pub ok: bool,
    /// Whether it was there already.
    pub cached: bool,
    /// Sanitised text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The provider's id of the transcript.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transcription_id: Option<String>,
    /// From 1, within the run.
    pub recording_index: i32,
    /// Recordings of the run.
    pub total_to_transcribe: i32,
}

impl RecordingTranscribed {
    /// `transcription-recording-transcribed-<run_id>-<call_id>`.
    pub fn message(self) -> Message<Self> {
        let id = format!(
            "transcription-recording-transcribed-{}-{}",
            self.run_id, self.call_id
        );
        Message::new(MessageId::new(id), self)
    }
}

impl Event for RecordingTranscribed {
    const NAME: &'static str = "transcription/recording.transcribed";
    const KIND: Kind = Kind::Fact;
    const ABOUT: &'static str = "One recording of a run is settled. For listeners only.";

    fn entity(&self) -> Vec<String> {
        vec![self.run_id.to_string(), self.call_id.to_string()]
    }
}

/// How a transcription run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RunOutcome {
    /// Every recording has a transcript.
    Completed,
    /// Some failed.
    Partial,
    /// All failed, or the run could not be done.
    Failed,
    /// There was nothing to do, or nothing that may be done; `reason` says which.
    Skipped,
}

/// `fiche/transcribed`: a transcription run ended, whatever its outcome. Exactly one a run.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct FicheTranscribed {
    /// The fiche.
    pub fiche_id: FicheId,
    /// Newly transcribed.
    pub transcribed_count: i32,
    /// Found transcribed while the run was under way.
    pub cached_count: i32,
    /// Failed for good.
    pub failed_count: i32,
    /// From the run's start to its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<i64>,
    /// `true` when the run was refused (`too_many_recordings`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skipped: Option<bool>,
    /// Why it ended early.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The run.
    pub run_id: Uuid,
    /// `ce-id` of every command this run served, joined ones included; waiters match on it.
    pub request_ids: Vec<String>,
    /// Outcome.
    pub status: RunOutcome,
    /// As in the command that started the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub automation_run_id: Option<AutomationRunId>,
}

impl FicheTranscribed {
    /// `fiche-transcribed-<run_id>`.
    pub fn message(self) -> Message<Self> {
        Message::new(
            MessageId::new(format!("fiche-transcribed-{}", self.run_id)),
            self,
        )
    }
}

impl Event for FicheTranscribed {
    const NAME: &'static str = "fiche/transcribed";
    const KIND: Kind = Kind::Fact;
    const ABOUT: &'static str = "A transcription run of a fiche ended, whatever its outcome.";

    fn entity(&self) -> Vec<String> {
        vec![self.fiche_id.to_string()]
    }
}

/// `transcription/run.expired`: a run passed its deadline and was closed by the sweeper.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct RunExpired {
    /// The run.
    pub run_id: Uuid,
    /// The fiche.
    pub fiche_id: FicheId,
    /// Recordings given up.
    pub abandoned: i32,
}

impl RunExpired {
    /// `transcription-run-expired-<run_id>`.
    pub fn message(self) -> Message<Self> {
        Message::new(
            MessageId::new(format!("transcription-run-expired-{}", self.run_id)),
            self,
        )
    }
}

impl Event for RunExpired {
    const NAME: &'static str = "transcription/run.expired";
    const KIND: Kind = Kind::Fact;
    const ABOUT: &'static str = "A transcription run passed its deadline and was closed.";

    fn entity(&self) -> Vec<String> {
        vec![self.run_id.to_string()]
    }
}
