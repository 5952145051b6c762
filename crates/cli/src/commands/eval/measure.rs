//! Judges labelled calls and counts.

use super::cases::Case;
use anyhow::{Context, Result};
use serde::Serialize;
use vigie_scorecard::{
    Agreement, CallCoverage, ConfigSnapshot, EvidenceRules, NormalizedTimeline, Statut, StepResult,
    settle_step,
};
use vigie_step_analyzer::domain::judgement::{JudgeError, Question, Transcript};
use vigie_step_analyzer::engine::Engine;

/// The figures of one run.
#[derive(Debug, Serialize)]
pub struct Evaluation {
    /// Who judged.
    pub engine: String,
    /// Its model.
    pub model: String,
    /// The version of what it was told.
    pub prompt_version: String,
    /// Whether by transcript tools.
    pub tools: bool,
    /// The configuration.
    pub config: String,
    /// Sales judged.
    pub cases: usize,
    /// Steps without an answer; their points are left out, a failure being no verdict.
    pub failed_steps: u32,
    /// Quotes given, and those not found in the call.
    pub quotes: Quotes,
    /// All points, as the engine answered.
    pub before: Figures,
    /// All points, after the evidence check: what an audit would show.
    pub after: Figures,
    /// Point by point.
    pub points: Vec<PointFigures>,
    /// Sale by sale, after the evidence check: points and those judged like the label.
    pub by_case: Vec<CaseFigures>,
    /// What it cost.
    pub tokens: Tokens,
}

/// Quotes.
#[derive(Debug, Default, Clone, Copy, Serialize)]
pub struct Quotes {
    /// In answers.
    pub given: i32,
    /// Not verifiable.
    pub removed: i32,
    /// Points lowered for want of one.
    pub downgraded: i32,
}

/// What one table of counts says.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Figures {
    /// Points.
    pub points: u32,
    /// Judged like the label.
    pub agreed: u32,
    /// The share of these.
    pub agreement: Option<f64>,
    /// Cohen's kappa.
    pub kappa: Option<f64>,
    /// Labels ABSENT.
    pub absent: u32,
    /// Of these, answered PRESENT.
    pub false_presents: u32,
    /// The share of these.
    pub false_present: Option<f64>,
    /// Of answers PRESENT, the share with another label.
    pub wrong_present: Option<f64>,
    /// Rows are labels, columns answers: PRESENT, PARTIEL, ABSENT, `NON_APPLICABLE`.
    pub table: Agreement,
}

/// One control point over all sales.
#[derive(Debug, Serialize)]
pub struct PointFigures {
    /// Position of its step.
    pub step: i32,
    /// From 1.
    pub index: usize,
    /// Its text.
    pub point: String,
    /// As answered.
    pub before: Figures,
    /// After the evidence check.
    pub after: Figures,
}

/// One sale.
#[derive(Debug, Serialize)]
pub struct CaseFigures {
    /// Its name.
    pub name: String,
    /// Points judged.
    pub points: u32,
    /// Like the label.
    pub agreed: u32,
}

/// Tokens of all calls, those without a useful answer included.
#[derive(Debug, Default, Clone, Copy, Serialize)]
pub struct Tokens {
    /// Calls of the model.
    pub calls: usize,
    /// Read.
    pub prompt: i64,
    /// Of these, from the provider's cache.
    pub cached: i64,
    /// Written.
    pub completion: i64,
}

impl Figures {
    fn of(table: Agreement) -> Self {
        let answered = |answer| table.count(Statut::Absent, answer);
        Self {
            points: table.total(),
            agreed: table.agreed(),
            agreement: table.share(),
            kappa: table.kappa(),
            absent: Statut::ALL.iter().map(|word| answered(*word)).sum(),
            false_presents: answered(Statut::Present),
            false_present: table.false_present(),
            wrong_present: table.wrong_present(),
            table,
        }
    }
}

/// Counts of one control point.
#[derive(Default, Clone, Copy)]
struct Counts {
    before: Agreement,
    after: Agreement,
}

/// What is counted while judging.
#[derive(Default)]
struct Tally {
    points: Vec<Vec<Counts>>,
    quotes: Quotes,
    tokens: Tokens,
    failed_steps: u32,
}

/// Judges every step of every case, one after the other so that a provider's cache can serve.
pub async fn evaluate(
    engine: &Engine,
    config: &ConfigSnapshot,
    cases: &[Case],
    tools: bool,
) -> Result<Evaluation> {
    let mut tally = Tally::default();
    let sizes = config.steps.iter().map(|step| step.control_points.len());
    tally.points = sizes
        .map(|points| vec![Counts::default(); points])
        .collect();
    let mut by_case = Vec::new();
    for case in cases {
        let figures = tally.judge(engine, config, case, tools).await;
        by_case.push(figures.with_context(|| format!("judging {}", case.name))?);
    }
    let mut all = Counts::default();
    let mut points = Vec::new();
    for (step, counts) in config.steps.iter().zip(&tally.points) {
        for ((text, counts), index) in step.control_points.iter().zip(counts).zip(1..) {
            all.before += counts.before;
            all.after += counts.after;
            points.push(PointFigures {
                step: step.position,
                index,
                point: text.clone(),
                before: Figures::of(counts.before),
                after: Figures::of(counts.after),
            });
        }
    }
    Ok(Evaluation {
        engine: engine.name().to_owned(),
        model: engine.model().to_owned(),
        prompt_version: engine.prompt_version().to_owned(),
        tools,
        config: config.name.clone(),
        cases: cases.len(),
        failed_steps: tally.failed_steps,
        quotes: tally.quotes,
        before: Figures::of(all.before),
        after: Figures::of(all.after),
        points,
        by_case,
        tokens: tally.tokens,
    })
}

impl Tally {
    async fn judge(
        &mut self,
        engine: &Engine,
        config: &ConfigSnapshot,
        case: &Case,
        tools: bool,
    ) -> Result<CaseFigures> {
        let transcript = Transcript::new(case.timeline.clone(), case.name.clone());
        let timeline = NormalizedTimeline::new(case.timeline.clone());
        let mut whole = Agreement::default();
        for (place, step) in config.steps.iter().enumerate() {
            let key = format!("eval-{}-{}", case.name, step.position);
            let question = Question {
                config,
                step,
                transcript: &transcript,
                use_tools: tools,
                call_key: &key,
            };
            let (answer, calls) = match engine.judge(question).await {
                Ok(judged) => (Some(judged.result), judged.calls),
                Err(JudgeError::Failed { calls, .. }) => (None, calls),
                // A provider that is away measures nothing.
                Err(error @ JudgeError::Unavailable { .. }) => return Err(error.into()),
            };
            self.tokens.calls += calls.len();
            for call in calls {
                self.tokens.prompt += call.prompt_tokens;
                self.tokens.cached += call.cached_tokens;
                self.tokens.completion += call.completion_tokens;
            }
            let Some(answer) = answer else {
                self.failed_steps += 1;
                continue;
            };
            let settle = |answer: StepResult, gating| {
                let rules = EvidenceRules {
                    gating,
                    ..EvidenceRules::default()
                };
                settle_step(&timeline, step, answer, rules, CallCoverage::of(&[]))
            };
            let raw = settle(answer.clone(), false).result;
            let settled = settle(answer, true);
            self.quotes.given += settled.gating.total_citations;
            self.quotes.removed += settled.gating.removed_citations;
            self.quotes.downgraded += settled.gating.downgraded_control_points;
            let labels = case.labels.get(&step.position).into_iter().flatten();
            let answers = raw
                .points_controle
                .iter()
                .zip(&settled.result.points_controle);
            for ((label, (raw, gated)), counts) in labels.zip(answers).zip(&mut self.points[place])
            {
                counts.before.add(*label, raw.statut);
                counts.after.add(*label, gated.statut);
                whole.add(*label, gated.statut);
            }
        }
        Ok(CaseFigures {
            name: case.name.clone(),
            points: whole.total(),
            agreed: whole.agreed(),
        })
    }
}
