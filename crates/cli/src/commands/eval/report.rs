//! The figures as text, ready for `docs/evaluation.md`.

use super::measure::{Evaluation, Figures};
use std::fmt::Write as _;
use vigie_scorecard::Statut;

/// Tables in Markdown.
pub fn markdown(evaluation: &Evaluation) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write(&mut text, evaluation);
    text
}

fn write(text: &mut String, evaluation: &Evaluation) -> std::fmt::Result {
    let mode = if evaluation.tools { "tools" } else { "prompt" };
    writeln!(
        text,
        "Engine `{}`, model `{}`, prompt `{}`, mode `{mode}`. {}: {} sales, {} points judged, {} steps failed.\n",
        evaluation.engine,
        evaluation.model,
        evaluation.prompt_version,
        evaluation.config,
        evaluation.cases,
        evaluation.after.points,
        evaluation.failed_steps,
    )?;
    overall(text, evaluation)?;
    confusion(text, &evaluation.after)?;
    writeln!(
        text,
        "| point | control point | agree | kappa | false present before | after |"
    )?;
    writeln!(text, "|---|---|---|---|---|---|")?;
    for point in &evaluation.points {
        let false_presents = |figures: &Figures| match figures.absent {
            0 => "–".to_owned(),
            absent => format!("{}/{absent}", figures.false_presents),
        };
        writeln!(
            text,
            "| {}.{} | {} | {}/{} | {} | {} | {} |",
            point.step,
            point.index,
            point.point,
            point.after.agreed,
            point.after.points,
            number(point.after.kappa),
            false_presents(&point.before),
            false_presents(&point.after),
        )?;
    }
    writeln!(text, "\n| sale | agree |\n|---|---|")?;
    for case in &evaluation.by_case {
        writeln!(text, "| {} | {}/{} |", case.name, case.agreed, case.points)?;
    }
    Ok(())
}

/// How a figure is written.
type Show = fn(&Figures) -> String;

fn overall(text: &mut String, evaluation: &Evaluation) -> std::fmt::Result {
    let (before, after) = (&evaluation.before, &evaluation.after);
    writeln!(
        text,
        "| | as answered | after the evidence check |\n|---|---|---|"
    )?;
    let rows: [(&str, Show); 4] = [
        ("agreement", |figures| percent(figures.agreement)),
        ("Cohen's kappa", |figures| number(figures.kappa)),
        ("false present (label ABSENT, answer PRESENT)", |figures| {
            let rate = percent(figures.false_present);
            format!("{rate} ({}/{})", figures.false_presents, figures.absent)
        }),
        ("PRESENT that is not", |figures| {
            percent(figures.wrong_present)
        }),
    ];
    for (name, show) in rows {
        writeln!(text, "| {name} | {} | {} |", show(before), show(after))?;
    }
    let (quotes, tokens) = (&evaluation.quotes, &evaluation.tokens);
    writeln!(
        text,
        "\nQuotes: {} given, {} not found in the call, {} points lowered for it. \
         Tokens: {} calls, {} read ({} cached), {} written.\n",
        quotes.given,
        quotes.removed,
        quotes.downgraded,
        tokens.calls,
        tokens.prompt,
        tokens.cached,
        tokens.completion,
    )
}

fn confusion(text: &mut String, figures: &Figures) -> std::fmt::Result {
    let words = [
        Statut::Present,
        Statut::Partiel,
        Statut::Absent,
        Statut::NonApplicable,
    ];
    writeln!(
        text,
        "| label ↓ answer → | PRESENT | PARTIEL | ABSENT | NON_APPLICABLE |"
    )?;
    writeln!(text, "|---|---|---|---|---|")?;
    for label in words {
        let counts = words.map(|answer| figures.table.count(label, answer).to_string());
        writeln!(text, "| {} | {} |", label.as_str(), counts.join(" | "))?;
    }
    writeln!(text)
}

fn percent(share: Option<f64>) -> String {
    share.map_or_else(|| "–".to_owned(), |share| format!("{:.1} %", 100.0 * share))
}

fn number(value: Option<f64>) -> String {
    value.map_or_else(|| "–".to_owned(), |value| format!("{value:.2}"))
}
