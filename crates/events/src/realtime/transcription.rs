//! Payloads of `transcription.*` events (`events-and-config.md` E3).

use super::payload::payload;
use crate::ids::{CallId, FicheId};
use crate::transcription::{Priority, RunOutcome};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Which run a message is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RunRef {
    /// The fiche.
    pub fiche_id: FicheId,
    /// The run.
    pub run_id: Uuid,
}

payload! {
    run: RunRef,
    /// The plan is made.
    StatusCheck = "transcription.status_check", Checked("checked") {
        /// Recordings of the fiche.
        total_recordings: i32,
        /// With a transcript.
        already_transcribed: i32,
        /// Without.
        needs_transcription: i32,
        /// Whether there is nothing to do.
        is_complete: bool,
    }
}

payload! {
    run: RunRef,
    /// The run begins, or there is nothing to do.
    Started = "transcription.started", IsStarted("started") {
        /// Recordings of the fiche.
        total_recordings: i32,
        /// As asked.
        priority: Priority,
        /// When.
        started_at: String,
    }
}

payload! {
    run: RunRef,
    /// A recording is about to be transcribed.
    RecordingStarted = "transcription.recording_started", Processing("processing") {
        /// The recording.
        call_id: CallId,
        /// From 1, within the run.
        recording_index: i32,
        /// Recordings of the run.
        total_to_transcribe: i32,
    }
}

payload! {
    run: RunRef,
    /// A transcript is stored.
    RecordingCompleted = "transcription.recording_completed", RecordingIsCompleted("completed") {
        /// The recording.
        call_id: CallId,
        /// The provider's id of the transcript.
        transcription_id: String,
        /// From 1, within the run.
        recording_index: i32,
        /// Recordings of the run.
        total_to_transcribe: i32,
    }
}

payload! {
    run: RunRef,
    /// A recording failed for good.
    RecordingFailed = "transcription.recording_failed", RecordingIsFailed("failed") {
        /// The recording.
        call_id: CallId,
        /// Sanitised text.
        error: String,
        /// From 1, within the run.
        recording_index: i32,
        /// Recordings of the run.
        total_to_transcribe: i32,
    }
}

payload! {
    run: RunRef,
    /// Every few recordings, and with the last one.
    Progress = "transcription.progress", InProgress("in_progress") {
        /// Recordings of the fiche.
        total_recordings: i32,
        /// With a transcript.
        transcribed: i32,
        /// Neither transcribed nor failed.
        pending: i32,
        /// Failed for good.
        failed: i32,
        /// Transcribed recordings of a hundred; 100 when there are none.
        progress_percentage: i32,
    }
}

payload! {
    run: RunRef,
    /// The run ended, failures included.
    Completed = "transcription.completed", IsCompleted("completed") {
        /// Recordings of the fiche.
        total_recordings: i32,
        /// With a transcript.
        transcribed: i32,
        /// Failed for good.
        failed: i32,
        /// From start to end.
        duration_seconds: i64,
        /// When.
        completed_at: String,
        /// How it ended.
        outcome: RunOutcome,
        /// Why there was nothing to do.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    }
}

payload! {
    run: RunRef,
    /// The run was given up.
    Failed = "transcription.failed", IsFailed("failed") {
        /// Sanitised text.
        error: String,
        /// When.
        failed_at: String,
        /// What had been done.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        partial_results: Option<PartialResults>,
        /// Why, as a word.
        reason: String,
    }
}

/// What a run had done when it was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PartialResults {
    /// Recordings of the fiche.
    pub total: i32,
    /// With a transcript.
    pub transcribed: i32,
    /// Failed for good.
    pub failed: i32,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::realtime::{Entity, Realtime};

    #[test]
    fn a_message_is_flat_and_reaches_the_channel_of_its_fiche() {
        let run_id = Uuid::nil();
        let message = RecordingStarted {
            run: RunRef {
                fiche_id: "44".parse().unwrap(),
                run_id,
            },
            call_id: "c-1".parse().unwrap(),
            recording_index: 1,
            total_to_transcribe: 2,
            status: Processing::Only,
        };
        let entity = Entity::Transcription {
            run_id: run_id.to_string(),
            fiche_id: "44".to_owned(),
        };
        let realtime = Realtime::new(&entity, 3, &message, &[]).unwrap();
        let expected = serde_json::json!({
            "fiche_id": "44", "run_id": run_id, "call_id": "c-1", "recording_index": 1,
            "total_to_transcribe": 2, "status": "processing", "sequence": 3
        });
        assert_eq!(realtime.payload, expected);
        assert_eq!(realtime.id.as_str(), format!("rt-transcription-{run_id}-3"));
        let channels: Vec<_> = realtime.channels.iter().map(ToString::to_string).collect();
        assert_eq!(channels, ["fiche-44"]);
    }
}
