//! What each answer does to the fiche that waits for it. Answers to others, late and repeated ones
//! change nothing; a success counts whatever the attempt, a failure only of the present one.

use super::item::{Ignored, Item, ItemFailure, ItemState, Next, Stage};
use super::plan::Plan;
use vigie_events::fiche::FetchFailure;
use vigie_events::transcription::RunOutcome;

/// The details are there: the authoritative filters decide (B6.4, B6.6).
pub fn fetched(item: &Item, plan: &Plan, groupe: Option<&str>, recordings: i32) -> Next {
    if item.state != ItemState::Selected {
        return Next::Stay;
    }
    if !plan.groupes.is_empty() {
        match groupe.filter(|groupe| !groupe.is_empty()) {
            None => return Next::Ignore(Ignored::NoGroupe),
            Some(groupe) if !plan.groupes.iter().any(|one| one == groupe) => {
                return Next::Ignore(Ignored::Groupe(groupe.to_owned()));
            }
            Some(_) => {}
        }
    }
    if recordings > plan.max_recordings {
        let max = plan.max_recordings;
        return Next::Ignore(Ignored::TooMany {
            count: recordings,
            max,
        });
    }
    if recordings == 0 {
        if plan.only_with_recordings || plan.run_audits {
            return Next::Ignore(Ignored::NoRecordings);
        }
        return Next::Done;
    }
    if plan.run_transcription {
        Next::Transcribe
    } else {
        after_transcripts(plan)
    }
}

/// The details could not be had.
pub fn fetch_failed(
    item: &Item,
    plan: &Plan,
    attempt: u32,
    kind: FetchFailure,
    error: &str,
) -> Next {
    if item.state != ItemState::Selected {
        return Next::Stay;
    }
    if kind == FetchFailure::NotFound {
        return Next::Ignore(Ignored::NotFound);
    }
    let code = match kind {
        FetchFailure::NotFound => "NOT_FOUND",
        FetchFailure::Auth => "AUTH",
        FetchFailure::Upstream => "UPSTREAM",
        FetchFailure::Invalid => "INVALID",
    };
    retry_or(item, plan, attempt, Stage::Fetch, code, error)
}

/// How a transcription run ended, as far as it matters.
#[derive(Debug, Clone, Copy)]
pub struct Transcription<'a> {
    /// Outcome.
    pub status: RunOutcome,
    /// Recordings that failed.
    pub failed: i32,
    /// Whether the run was refused.
    pub refused: bool,
    /// Why it ended early.
    pub reason: Option<&'a str>,
}

/// The transcription run that served the fiche ended.
pub fn transcribed(item: &Item, plan: &Plan, attempt: u32, run: Transcription<'_>) -> Next {
    if item.state != ItemState::Fetched {
        return Next::Stay;
    }
    let complete = match run.status {
        RunOutcome::Completed => run.failed == 0,
        RunOutcome::Skipped => !run.refused,
        RunOutcome::Partial | RunOutcome::Failed => false,
    };
    if complete || (run.status == RunOutcome::Partial && plan.allow_partial) {
        return after_transcripts(plan);
    }
    let error = match run.reason {
        Some(reason) => format!("Transcription incomplete ({reason})"),
        None => format!("Transcription incomplete ({} failed)", run.failed),
    };
    retry_or(
        item,
        plan,
        attempt,
        Stage::Transcription,
        "TRANSCRIPTION_FAILED",
        &error,
    )
}

const fn after_transcripts(plan: &Plan) -> Next {
    if plan.run_audits {
        Next::Audit
    } else {
        Next::Done
    }
}

fn retry_or(
    item: &Item,
    plan: &Plan,
    attempt: u32,
    stage: Stage,
    code: &'static str,
    error: &str,
) -> Next {
    if attempt != item.attempt {
        return Next::Stay;
    }
    if item.attempt < plan.retries {
        return Next::Retry;
    }
    Next::Fail(ItemFailure {
        error: error.to_owned(),
        stage,
        code,
    })
}

/// The deadline of details or transcripts has passed. Audits have their own rule.
pub fn overdue(item: &Item, plan: &Plan) -> Next {
    if item.state.is_final() || !item.overdue {
        return Next::Stay;
    }
    if item.attempt < plan.retries {
        Next::Retry
    } else {
        Next::Fail(ItemFailure::overdue(item.state))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use vigie_events::ids::AuditConfigId;
    use vigie_events::transcription::Priority;

    fn plan() -> Plan {
        Plan {
            run_transcription: true,
            skip_if_transcribed: true,
            priority: Priority::Normal,
            allow_partial: false,
            run_audits: true,
            configs: vec![AuditConfigId::new(14)],
            specific: vec![14],
            automatic: false,
            use_rlm: false,
            continue_on_error: true,
            retries: 0,
            groupes: Vec::new(),
            only_with_recordings: false,
            max_recordings: 50,
        }
    }

    fn item(state: ItemState, attempt: u32) -> Item {
        let fiche = "44".parse().unwrap();
        Item {
            fiche,
            state,
            attempt,
            recordings: None,
            overdue: false,
        }
    }

    #[test]
    fn the_ceiling_keeps_50_and_refuses_51() {
        let selected = item(ItemState::Selected, 0);
        assert_eq!(fetched(&selected, &plan(), None, 50), Next::Transcribe);
        let next = fetched(&selected, &plan(), None, 51);
        assert_eq!(next, Next::Ignore(Ignored::TooMany { count: 51, max: 50 }));
        let Next::Ignore(reason) = next else {
            unreachable!()
        };
        assert_eq!(reason.to_string(), "Too many recordings (51 > 50)");
    }

    #[test]
    fn groupes_are_enforced_once_they_are_known() {
        let plan = Plan {
            groupes: vec!["NORD".to_owned()],
            ..plan()
        };
        let selected = item(ItemState::Selected, 0);
        assert_eq!(fetched(&selected, &plan, Some("NORD"), 1), Next::Transcribe);
        assert_eq!(
            fetched(&selected, &plan, None, 1),
            Next::Ignore(Ignored::NoGroupe)
        );
        let sud = Next::Ignore(Ignored::Groupe("SUD".to_owned()));
        assert_eq!(fetched(&selected, &plan, Some("SUD"), 1), sud);
    }

    #[test]
    fn a_fiche_without_recordings_is_not_a_success_of_audits() {
        let selected = item(ItemState::Selected, 0);
        assert_eq!(
            fetched(&selected, &plan(), None, 0),
            Next::Ignore(Ignored::NoRecordings)
        );
        let without_audits = Plan {
            run_audits: false,
            ..plan()
        };
        assert_eq!(fetched(&selected, &without_audits, None, 0), Next::Done);
        let only_with = Plan {
            only_with_recordings: true,
            ..without_audits
        };
        assert_eq!(
            fetched(&selected, &only_with, None, 0),
            Next::Ignore(Ignored::NoRecordings)
        );
    }

    #[test]
    fn steps_that_were_not_asked_for_are_passed() {
        let selected = item(ItemState::Selected, 0);
        let audits_only = Plan {
            run_transcription: false,
            ..plan()
        };
        assert_eq!(fetched(&selected, &audits_only, None, 2), Next::Audit);
        let neither = Plan {
            run_audits: false,
            ..audits_only
        };
        assert_eq!(fetched(&selected, &neither, None, 2), Next::Done);
    }

    #[test]
    fn failures_are_retried_while_the_plan_allows_it() {
        let plan = Plan {
            retries: 1,
            ..plan()
        };
        let failed = |attempt: u32, of: u32| {
            fetch_failed(
                &item(ItemState::Selected, attempt),
                &plan,
                of,
                FetchFailure::Upstream,
                "x",
            )
        };
        assert_eq!(failed(0, 0), Next::Retry);
        assert_eq!(failed(1, 0), Next::Stay, "of an earlier attempt");
        assert!(matches!(failed(1, 1), Next::Fail(failure) if failure.code == "UPSTREAM"));
        let gone = fetch_failed(
            &item(ItemState::Selected, 0),
            &plan,
            0,
            FetchFailure::NotFound,
            "x",
        );
        assert_eq!(gone, Next::Ignore(Ignored::NotFound));
    }

    #[test]
    fn partial_transcripts_go_on_only_when_allowed() {
        let waiting = item(ItemState::Fetched, 0);
        let partial = Transcription {
            status: RunOutcome::Partial,
            failed: 1,
            refused: false,
            reason: None,
        };
        assert!(matches!(
            transcribed(&waiting, &plan(), 0, partial),
            Next::Fail(_)
        ));
        let allowed = Plan {
            allow_partial: true,
            ..plan()
        };
        assert_eq!(transcribed(&waiting, &allowed, 0, partial), Next::Audit);
        let refused = Transcription {
            status: RunOutcome::Skipped,
            refused: true,
            reason: Some("too_many_recordings"),
            ..partial
        };
        assert!(matches!(
            transcribed(&waiting, &allowed, 0, refused),
            Next::Fail(_)
        ));
        let nothing_to_do = Transcription {
            status: RunOutcome::Skipped,
            failed: 0,
            ..partial
        };
        assert_eq!(
            transcribed(&waiting, &plan(), 0, nothing_to_do),
            Next::Audit
        );
    }

    #[test]
    fn a_halted_run_sends_nothing() {
        for next in [Next::Retry, Next::Transcribe, Next::Audit] {
            assert_eq!(next.when_halted(true), Next::Ignore(Ignored::Skipped));
        }
        assert_eq!(Next::Done.when_halted(true), Next::Done);
    }

    proptest! {
        /// Only the state that waits for an answer is moved by it, and nothing moves a closed fiche.
        #[test]
        fn answers_move_only_who_waits_for_them(
            state in prop::sample::select(ItemState::ALL.to_vec()),
            attempt in 0u32..3, of in 0u32..3, retries in 0u32..3, recordings in 0i32..60,
        ) {
            let plan = Plan { retries, ..plan() };
            let item = Item { overdue: true, ..item(state, attempt) };
            if state != ItemState::Selected {
                prop_assert_eq!(fetched(&item, &plan, None, recordings), Next::Stay);
                let failed = fetch_failed(&item, &plan, of, FetchFailure::NotFound, "x");
                prop_assert_eq!(failed, Next::Stay);
            }
            if state != ItemState::Fetched {
                let run = Transcription { status: RunOutcome::Failed, failed: 1, refused: false, reason: None };
                prop_assert_eq!(transcribed(&item, &plan, of, run), Next::Stay);
            }
            if state.is_final() {
                prop_assert_eq!(overdue(&item, &plan), Next::Stay);
            }
        }
    }
}
