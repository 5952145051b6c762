//! Payloads of `audit.*` events (`events-and-config.md` E2).

use super::payload::payload;
use crate::ids::{AuditId, FicheId, TrackingId};
use chrono::{DateTime, SecondsFormat, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which audit a message is about, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AuditRef {
    /// Tracking id.
    pub audit_id: TrackingId,
    /// Database id.
    pub audit_db_id: AuditId,
    /// The fiche.
    pub fiche_id: FicheId,
    /// `ce-id` of the message that set the audit off; absent on step messages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_id: Option<String>,
    /// How the model reads the transcript.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approach: Option<Approach>,
    /// Phase after the event.
    pub phase: String,
}

impl AuditRef {
    /// The same without `event_id`, as step messages carry it.
    #[must_use]
    pub fn of_step(&self) -> Self {
        Self {
            event_id: None,
            ..self.clone()
        }
    }
}

/// How the model reads the transcript.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Approach {
    /// With tools.
    pub use_rlm: bool,
    /// The same in words.
    pub transcript_mode: TranscriptMode,
}

/// `prompt` or `tools`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum TranscriptMode {
    /// The transcript stands in the prompt.
    Prompt,
    /// The model searches the transcript.
    Tools,
}

impl Approach {
    /// The approach of an audit.
    pub const fn of(use_rlm: bool) -> Self {
        let transcript_mode = if use_rlm {
            TranscriptMode::Tools
        } else {
            TranscriptMode::Prompt
        };
        Self {
            use_rlm,
            transcript_mode,
        }
    }
}

/// A time as payloads write it: ISO-8601 UTC with milliseconds.
pub fn iso(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

payload! {
    audit: AuditRef,
    /// The forced refresh of the fiche begins.
    FicheFetchStarted = "audit.fiche_fetch_started", Fetching("fetching") {
        /// Whether the cache answered; false here.
        from_cache: bool,
    }
}

payload! {
    audit: AuditRef,
    /// The fiche is fetched.
    FicheFetchCompleted = "audit.fiche_fetch_completed", Fetched("fetched") {
        /// Recordings of the fiche.
        recordings_count: i32,
        /// First and last name of the prospect.
        prospect_name: String,
        /// Whether the CRM was not asked.
        from_cache: bool,
    }
}

payload! {
    audit: AuditRef,
    /// The coverage of the transcripts was read.
    TranscriptionCheck = "audit.transcription_check", Checked("checked") {
        /// Recordings of the fiche.
        total_recordings: i32,
        /// Of these, transcribed.
        transcribed: i32,
        /// Of these, not yet.
        needs_transcription: i32,
    }
}

payload! {
    audit: AuditRef,
    /// The configuration is frozen.
    ConfigLoaded = "audit.config_loaded", Loaded("loaded") {
        /// The configuration.
        config_id: String,
        /// Its name.
        config_name: String,
        /// Its steps.
        steps_count: i32,
    }
}

payload! {
    audit: AuditRef,
    /// The audit proper begins.
    Started = "audit.started", IsStarted("started") {
        /// The configuration.
        audit_config_id: String,
        /// Its name.
        audit_config_name: String,
        /// Its steps.
        total_steps: i32,
        /// When.
        started_at: String,
    }
}

payload! {
    audit: AuditRef,
    /// The timeline is built.
    TimelineGenerated = "audit.timeline_generated", Generated("generated") {
        /// Recordings in the timeline.
        recordings_count: i32,
        /// Chunks in it.
        total_chunks: i32,
    }
}

payload! {
    audit: AuditRef,
    /// Steps done of total; once for steps stored together.
    Progress = "audit.progress", InProgress("in_progress") {
        /// Steps stored.
        completed_steps: i32,
        /// Steps expected.
        total_steps: i32,
        /// Stored steps with `traite=false`.
        failed_steps: i32,
        /// `timeline` or `analysis`.
        current_phase: String,
        /// 0 to 100, rounded.
        progress_percentage: i32,
    }
}

payload! {
    audit: AuditRef,
    /// The steps are about to be sent.
    AnalysisStarted = "audit.analysis_started", Analyzing("analyzing") {
        /// Steps expected.
        total_steps: i32,
        /// The model, or the name of the built-in engine.
        model: String,
    }
}

payload! {
    audit: AuditRef,
    /// The analyzer took a step up. Best effort, without a place in the sequence.
    StepStarted = "audit.step_started", Processing("processing") {
        /// From 1.
        step_position: i32,
        /// Its name.
        step_name: String,
        /// Steps of the audit.
        total_steps: i32,
        /// Points it is worth.
        step_weight: i32,
        /// Whether the audit is rejected unless it is conform.
        is_critical: bool,
    }
}

payload! {
    audit: AuditRef,
    /// A step was analysed. Values before gating.
    StepCompleted = "audit.step_completed", StepIsCompleted("completed") {
        /// From 1.
        step_position: i32,
        /// Its name.
        step_name: String,
        /// Points proposed.
        score: i32,
        /// Points it is worth.
        max_score: i32,
        /// Whether the answer was CONFORME.
        conforme: bool,
        /// Citations proposed.
        total_citations: i32,
        /// Tokens spent.
        tokens_used: i64,
    }
}

payload! {
    audit: AuditRef,
    /// A step's analysis failed for good.
    StepFailed = "audit.step_failed", StepIsFailed("failed") {
        /// From 1.
        step_position: i32,
        /// Its name.
        step_name: String,
        /// Sanitised text.
        error: String,
    }
}

payload! {
    audit: AuditRef,
    /// The score is known.
    ComplianceCalculated = "audit.compliance_calculated", Calculated("calculated") {
        /// `37/50`.
        overall_score: String,
        /// `74.00%`.
        score_percentage: String,
        /// Level.
        niveau: String,
        /// Whether the level is not REJET.
        is_compliant: bool,
        /// Critical steps passed, `3/3`.
        critical_issues: String,
    }
}

payload! {
    audit: AuditRef,
    /// The audit has its score.
    Completed = "audit.completed", IsCompleted("completed") {
        /// `37/50`.
        overall_score: String,
        /// `74.00%`.
        score_percentage: String,
        /// Level.
        niveau: String,
        /// Whether the level is not REJET.
        is_compliant: bool,
        /// Steps with `traite`.
        successful_steps: i32,
        /// Steps without.
        failed_steps: i32,
        /// Tokens over all steps.
        total_tokens: i64,
        /// From start to end.
        duration_seconds: i64,
        /// When.
        completed_at: String,
        /// `complete` or `incomplete`.
        completeness: String,
    }
}

payload! {
    audit: AuditRef,
    /// The audit ended without a score.
    Failed = "audit.failed", IsFailed("failed") {
        /// Sanitised text.
        error: String,
        /// Where it failed (`audits.md` 1.3).
        failed_phase: Option<String>,
        /// When.
        failed_at: String,
        /// What had been done.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        partial_results: Option<PartialResults>,
    }
}

/// Steps that were stored before an audit failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PartialResults {
    /// Steps stored.
    pub completed_steps: i32,
    /// Steps expected.
    pub total_steps: i32,
    /// Stored steps with `traite=false`.
    pub failed_steps: i32,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::realtime::{Entity, Realtime};

    #[test]
    fn a_message_is_flat_and_reaches_all_three_channels() {
        let message = TranscriptionCheck {
            audit: AuditRef {
                audit_id: "audit-44-21-7".parse().unwrap(),
                audit_db_id: AuditId::new(9),
                fiche_id: "44".parse().unwrap(),
                event_id: Some("audit-44-21-7".to_owned()),
                approach: Some(Approach::of(false)),
                phase: "transcribing".to_owned(),
            },
            total_recordings: 2,
            transcribed: 1,
            needs_transcription: 1,
            status: Checked::Only,
        };
        let realtime = Realtime::new(&Entity::Audit("9".to_owned()), 3, &message, &[]).unwrap();
        let expected = serde_json::json!({
            "audit_id": "audit-44-21-7", "audit_db_id": "9", "fiche_id": "44",
            "event_id": "audit-44-21-7", "phase": "transcribing",
            "approach": {"use_rlm": false, "transcript_mode": "prompt"},
            "total_recordings": 2, "transcribed": 1, "needs_transcription": 1,
            "status": "checked", "sequence": 3
        });
        assert_eq!(realtime.payload, expected);
        assert_eq!(realtime.id.as_str(), "rt-audit-9-3");
        let channels: Vec<_> = realtime.channels.iter().map(ToString::to_string).collect();
        assert_eq!(channels, ["audit-9", "audit-audit-44-21-7", "fiche-44"]);
    }
}
