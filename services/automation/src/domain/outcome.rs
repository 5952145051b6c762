//! How a run ends (`automation-and-transcription.md` B8.1).

use vigie_events::automation::RunStatus;
use vigie_events::realtime::automation::ItemCounters;

/// Why a run ended as it did, where the counters do not say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// A manual selection without fiches.
    NoFichesManual,
    /// Every fiche was left out.
    AllIgnored,
    /// A person ended it.
    Cancelled,
    /// It took too long.
    Deadline,
}

impl Reason {
    /// Wire and database text.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoFichesManual => "no_fiches_manual",
            Self::AllIgnored => "all_ignored",
            Self::Cancelled => "cancelled",
            Self::Deadline => "deadline",
        }
    }
}

/// The end of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    /// Terminal status.
    pub status: RunStatus,
    /// Early end, or no work.
    pub reason: Option<Reason>,
    /// Successful and failed ones.
    pub total: i32,
    /// Successful.
    pub successful: i32,
    /// Failed.
    pub failed: i32,
    /// Left out, cancelled ones included.
    pub ignored: i32,
}

impl Outcome {
    /// Decides from the closed fiches and what ended the run early.
    pub fn of(counters: &ItemCounters, early: Option<Reason>) -> Self {
        let (successful, failed) = (counters.done, counters.failed);
        let ignored = counters.ignored + counters.cancelled;
        let cancelled = early == Some(Reason::Cancelled);
        let status = match (successful, failed) {
            (0, _) if cancelled => RunStatus::Failed,
            (_, _) if cancelled => RunStatus::Partial,
            (_, 0) => RunStatus::Completed,
            (0, _) => RunStatus::Failed,
            _ => RunStatus::Partial,
        };
        let nothing_done = successful + failed == 0;
        Self {
            status,
            reason: early.or((nothing_done && ignored > 0).then_some(Reason::AllIgnored)),
            total: successful + failed,
            successful,
            failed,
            ignored,
        }
    }
}

/// `lastRunStatus` of the schedule.
pub const fn schedule_status(status: RunStatus) -> &'static str {
    match status {
        RunStatus::Completed => "success",
        RunStatus::Partial => "partial",
        RunStatus::Failed => "failed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(
        done: i32,
        failed: i32,
        ignored: i32,
        early: Option<Reason>,
    ) -> (RunStatus, Option<Reason>) {
        let counters = ItemCounters {
            done,
            failed,
            ignored,
            ..ItemCounters::default()
        };
        let outcome = Outcome::of(&counters, early);
        assert_eq!(outcome.total, outcome.successful + outcome.failed);
        (outcome.status, outcome.reason)
    }

    #[test]
    fn status_vectors_of_c4() {
        assert_eq!(ended(3, 0, 0, None), (RunStatus::Completed, None));
        assert_eq!(ended(2, 1, 0, None), (RunStatus::Partial, None));
        assert_eq!(ended(0, 3, 0, None), (RunStatus::Failed, None));
        assert_eq!(
            ended(0, 0, 3, None),
            (RunStatus::Completed, Some(Reason::AllIgnored))
        );
        assert_eq!(ended(1, 0, 2, None), (RunStatus::Completed, None));
    }

    #[test]
    fn a_cancelled_run_is_never_completed() {
        let cancelled = Some(Reason::Cancelled);
        assert_eq!(ended(1, 0, 2, cancelled), (RunStatus::Partial, cancelled));
        assert_eq!(ended(0, 0, 2, cancelled), (RunStatus::Failed, cancelled));
        assert_eq!(ended(0, 1, 0, cancelled), (RunStatus::Failed, cancelled));
    }
}
