//! What a run does with each of its fiches.

use super::schedule::NewSchedule;
use super::selection::Selection;
use serde::{Deserialize, Serialize};
use vigie_events::ids::AuditConfigId;
use vigie_events::transcription::Priority;

/// More recordings than this are never taken (B6.6).
const HARD_CEILING: i32 = 50;

/// The part of a run's configuration that its fiches are moved by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "the schedule's switches, each of its own"
)]
pub struct Plan {
    /// Have recordings transcribed.
    pub run_transcription: bool,
    /// Leave alone what is transcribed.
    pub skip_if_transcribed: bool,
    /// Lane of transcriptions.
    pub priority: Priority,
    /// Audits go on without some recordings.
    pub allow_partial: bool,
    /// Have fiches audited.
    pub run_audits: bool,
    /// With these configurations; resolved when the run begins.
    pub configs: Vec<AuditConfigId>,
    /// Asked for by number.
    pub specific: Vec<i64>,
    /// And all that run automatically.
    pub automatic: bool,
    /// Audits use transcript tools.
    pub use_rlm: bool,
    /// A failed fiche does not stop the others.
    pub continue_on_error: bool,
    /// Repetitions of a failed step; 0 unless `retryFailed`.
    pub retries: u32,
    /// Only these groupes, any when empty.
    pub groupes: Vec<String>,
    /// Leave fiches without recordings out.
    pub only_with_recordings: bool,
    /// Leave fiches with more recordings out.
    pub max_recordings: i32,
}

impl Plan {
    /// The plan of a schedule's run over a selection.
    pub fn of(schedule: &NewSchedule, selection: &Selection, env_ceiling: i32) -> Self {
        Self {
            run_transcription: schedule.run_transcription,
            skip_if_transcribed: schedule.skip_if_transcribed,
            priority: schedule.transcription_priority,
            allow_partial: schedule.allow_partial_transcription,
            run_audits: schedule.run_audits,
            configs: Vec::new(),
            specific: schedule.specific_audit_configs.clone(),
            automatic: schedule.use_automatic_audits,
            use_rlm: selection.use_rlm,
            continue_on_error: schedule.continue_on_error,
            retries: if schedule.retry_failed {
                schedule.max_retries
            } else {
                0
            },
            groupes: selection.groupes.clone(),
            only_with_recordings: selection.only_with_recordings,
            max_recordings: ceiling(selection.max_recordings_per_fiche, env_ceiling),
        }
    }
}

/// The recordings ceiling (B6.6): the selection's, else the installation's (0 = unset), at most 50.
pub fn ceiling(selection: Option<i32>, env: i32) -> i32 {
    let configured = selection.filter(|max| *max > 0);
    let configured = configured.or_else(|| (env > 0).then_some(env));
    configured.unwrap_or(HARD_CEILING).min(HARD_CEILING)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ceiling_vectors_of_c4() {
        assert_eq!(ceiling(Some(80), 0), 50);
        assert_eq!(ceiling(None, 20), 20);
        assert_eq!(ceiling(None, 0), 50);
        assert_eq!(ceiling(Some(5), 20), 5);
        assert_eq!(ceiling(None, 200), 50);
    }
}
