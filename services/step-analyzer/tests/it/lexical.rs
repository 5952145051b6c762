use crate::support::{config, transcript};
use vigie_scorecard::{
    CallCoverage, EvidenceRules, Niveau, NormalizedTimeline, Statut, StepResult, settle_step,
    summarize,
};
use vigie_step_analyzer::domain::judgement::Question;
use vigie_step_analyzer::engine::Lexical;

fn judge(slug: &str) -> Vec<StepResult> {
    let (config, transcript, engine) = (config(), transcript(slug), Lexical::default());
    let steps = config.steps.iter().map(|step| {
        let question = Question {
            config: &config,
            step,
            transcript: &transcript,
            use_tools: false,
            call_key: "",
        };
        engine.judge(question).result
    });
    steps.collect()
}

fn percent_present(results: &[StepResult]) -> usize {
    let points: Vec<_> = results
        .iter()
        .flat_map(|step| &step.points_controle)
        .collect();
    let present = points
        .iter()
        .filter(|point| point.statut == Statut::Present)
        .count();
    100 * present / points.len()
}

#[test]
fn a_compliant_call_proves_most_points_and_a_voicemail_none() {
    let compliant = percent_present(&judge("vente-conforme"));
    let voicemail = percent_present(&judge("messagerie"));
    assert!(compliant >= 80, "{compliant}");
    assert!(voicemail <= 20, "{voicemail}");
}

#[test]
fn nothing_it_quotes_is_removed_by_the_evidence_check() {
    let (config, transcript) = (config(), transcript("vente-conforme"));
    let timeline = NormalizedTimeline::new(transcript.timeline.clone());
    let rules = EvidenceRules::default();
    let mut facts = Vec::new();
    for (step, answer) in config.steps.iter().zip(judge("vente-conforme")) {
        let settled = settle_step(&timeline, step, answer, rules, CallCoverage::of(&[]));
        assert_eq!(settled.gating.removed_citations, 0, "{}", step.name);
        facts.push(settled.facts(step));
    }
    let summary = summarize(&config, timeline.timeline(), &facts, rules, Vec::new());
    assert_ne!(summary.compliance.niveau, Niveau::Rejet);
}

#[test]
fn the_same_call_is_always_judged_alike() {
    assert_eq!(judge("pression-commerciale"), judge("pression-commerciale"));
}
