use proptest::prelude::*;

use super::*;
use crate::{Conforme, LeftOut, Niveau, Statut, Usage, Verdict, sample};

/// The configuration of 7.4 with four points a step.
fn config() -> ConfigSnapshot {
    let weights = [
        (10, true),
        (10, true),
        (9, false),
        (8, true),
        (8, false),
        (5, false),
    ];
    let steps = weights
        .iter()
        .zip(1..)
        .map(|(&(weight, is_critical), position)| StepDefinition {
            is_critical,
            ..sample::definition(position, weight, &["un", "deux", "trois", "quatre"])
        });
    ConfigSnapshot {
        id: "21".to_owned(),
        name: "Audit essentiel santé (6 étapes)".to_owned(),
        description: None,
        system_prompt: None,
        revision: 1,
        steps: steps.collect(),
    }
}

fn answer(score: i32, points: &str) -> StepResult {
    let mut answer = sample::result(score, Conforme::Conforme, Niveau::Excellent);
    answer.points_controle = points
        .chars()
        .map(|c| sample::point(&c.to_string()))
        .collect();
    for (point, text) in answer
        .points_controle
        .iter_mut()
        .zip(["un", "deux", "trois", "quatre"])
    {
        point.point = text.to_owned();
    }
    answer.usage = Some(Usage {
        prompt_tokens: 90,
        completion_tokens: 10,
        total_tokens: 100,
    });
    answer
}

fn full_answers() -> BTreeMap<i32, StepResult> {
    config()
        .steps
        .iter()
        .map(|step| (step.position, answer(step.weight, "PPPP")))
        .collect()
}

fn timeline() -> NormalizedTimeline {
    NormalizedTimeline::new(sample::timeline())
}

fn run(answers: BTreeMap<i32, StepResult>, missing: Vec<MissingRecording>) -> FinalizedAudit {
    finalize(
        &config(),
        &timeline(),
        answers,
        EvidenceRules::default(),
        missing,
    )
}

#[test]
fn one_unsupported_critical_point_rejects_the_audit() {
    let mut answers = full_answers();
    answers.insert(1, answer(10, "PPXN"));
    let audit = run(answers, vec![]);
    let first = &audit.steps[0].result;
    assert_eq!((first.score, first.conforme), (7, Conforme::Partiel));
    let compliance = audit.summary.compliance;
    assert_eq!(
        (
            compliance.poids_obtenu,
            compliance.score.to_string().as_str()
        ),
        (47, "94")
    );
    assert_eq!(
        (compliance.points_critiques().as_str(), compliance.niveau),
        ("2/3", Niveau::Rejet)
    );
    assert_eq!(
        first.points_controle[2].verdict,
        Some(Verdict::Unverifiable)
    );
    assert_eq!(audit.summary.gating.downgraded_control_points, 1);
    assert_eq!(
        audit.summary.completeness,
        Completeness::Complete,
        "a lie is not a gap"
    );
}

#[test]
fn citations_are_enriched_and_scores_bounded() {
    let mut answers = full_answers();
    answers.insert(3, answer(12, "PPPP"));
    let audit = run(answers, vec![]);
    let step = &audit.steps[2].result;
    assert_eq!(step.score, 9);
    let citation = &step.points_controle[0].citations[0];
    assert_eq!(citation.recording_url, "https://audio.exemple.test/0.mp3");
    assert_eq!(citation.call_id.as_deref(), Some("call-0"));
    assert_eq!(
        step.step_metadata.as_ref().map(|m| (m.position, m.weight)),
        Some((3, 9))
    );
    let expected = Statistics {
        recordings_count: 2,
        transcriptions_count: 2,
        timeline_chunks: 3,
        successful_steps: 6,
        total_tokens: 600,
        ..Statistics::default()
    };
    assert_eq!(audit.summary.statistics, expected);
}

#[test]
fn a_failed_step_is_a_gap_not_a_verdict() {
    let mut answers = full_answers();
    answers.remove(&5);
    answers.insert(6, answer(5, "PPP"));
    let audit = run(answers, vec![]);
    let summary = audit.summary;
    assert_eq!(summary.completeness, Completeness::Incomplete);
    assert_eq!(
        summary.missing,
        Missing {
            recordings: vec![],
            steps: vec![5],
            control_points: 5
        }
    );
    assert_eq!(
        (
            summary.statistics.failed_steps,
            summary.statistics.fallback_steps
        ),
        (1, 1)
    );
    assert!(!summary.all_steps_failed);
    for point in &audit.steps[4].result.points_controle {
        assert_eq!(
            (point.statut, point.verdict),
            (Statut::Absent, Some(Verdict::Error))
        );
    }
}

#[test]
fn an_audit_without_one_answer_failed() {
    assert!(run(BTreeMap::new(), vec![]).summary.all_steps_failed);
}

#[test]
fn what_was_not_found_in_half_a_call_is_not_absent() {
    let mut answers = full_answers();
    answers.insert(6, answer(5, "PPPA"));
    let lost = MissingRecording {
        call_id: "call-9".to_owned(),
        reason: LeftOut::NotTranscribed,
    };
    let audit = run(answers, vec![lost.clone()]);
    let point = &audit.steps[5].result.points_controle[3];
    assert_eq!(
        (point.statut, point.verdict),
        (Statut::Absent, Some(Verdict::Unverifiable))
    );
    assert_eq!(audit.summary.missing.recordings, [lost]);
    assert_eq!(audit.summary.completeness, Completeness::Incomplete);
}

#[test]
fn without_gating_claims_stand() {
    let rules = EvidenceRules {
        gating: false,
        ..EvidenceRules::default()
    };
    let answers = BTreeMap::from([(1, answer(10, "XXXX"))]);
    let audit = finalize(&config(), &timeline(), answers, rules, vec![]);
    assert_eq!(audit.steps[0].result.score, 10);
    assert_eq!(
        audit.steps[0].result.points_controle[0].verdict,
        Some(Verdict::Present)
    );
    assert!(!audit.summary.gating.enabled);
}

proptest! {
    /// Settling steps as they arrive, in any order and each again on redelivery, and summing up at
    /// the end, is finalizing everything at the end.
    #[test]
    fn settling_on_storing_equals_finalizing(
        points in prop::collection::vec("[PXQAN]{0,6}", 6),
        scores in prop::collection::vec(0..14_i32, 6),
        failed in prop::collection::vec(any::<bool>(), 6),
        order in Just((0..6_usize).collect::<Vec<_>>()).prop_shuffle(),
        partial in any::<bool>(),
    ) {
        let (config, timeline, rules) = (config(), timeline(), EvidenceRules::default());
        let lost = MissingRecording { call_id: "c".to_owned(), reason: LeftOut::NoUrl };
        let missing: Vec<_> = partial.then_some(lost).into_iter().collect();
        let given = |i: usize| {
            if failed[i] { fallback(&config.steps[i], "délai dépassé") } else { answer(scores[i], &points[i]) }
        };
        let all = (0..6).map(|i| (config.steps[i].position, given(i))).collect();
        let at_the_end = finalize(&config, &timeline, all, rules, missing.clone());

        let mut facts = Vec::new();
        for i in order {
            let step = &config.steps[i];
            let coverage = CallCoverage::of(&missing);
            let settled = settle_step(&timeline, step, given(i), rules, coverage);
            prop_assert_eq!(&settled, &at_the_end.steps[i]);
            // Settling what is already settled changes nothing, so a redelivery does no harm.
            let again = settle_step(&timeline, step, settled.result.clone(), rules, coverage);
            prop_assert_eq!(&again.result, &settled.result);
            facts.push(settled.facts(step));
        }
        prop_assert_eq!(summarize(&config, timeline.timeline(), &facts, rules, missing), at_the_end.summary.clone());

        let stored: Vec<_> = facts.iter().map(|step| crate::StoredStep {
            scored: step.scored, traite: step.traite, total_tokens: step.total_tokens,
        }).collect();
        prop_assert_eq!(crate::recompute(&stored).compliance, at_the_end.summary.compliance);
    }
}
