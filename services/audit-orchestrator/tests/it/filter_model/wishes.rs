//! Filters in plain words.

use super::rows::{Fiche, Row, day};
use chrono::NaiveDate;

pub(super) type Test = Box<dyn Fn(&Row) -> bool>;

/// Parameters with values, and what they say in plain words.
#[expect(clippy::too_many_lines, reason = "a table, a row a filter")]
pub(super) fn wishes(names: &[String; 2]) -> Vec<(&'static str, String, Test)> {
    fn of_fiche(test: impl Fn(&Fiche) -> bool + 'static) -> Test {
        Box::new(move |row| row.fiche.as_ref().is_some_and(&test))
    }
    fn has(text: Option<&str>, part: &str) -> bool {
        text.is_some_and(|text| text.to_lowercase().contains(&part.to_lowercase()))
    }
    fn status(row: &Row) -> &'static str {
        match row.phase {
            "queued" => "pending",
            "completed" => "completed",
            "failed" => "failed",
            _ => "running",
        }
    }
    let date = |text: &str| text.parse::<NaiveDate>().unwrap();
    let (from, to) = (date("2026-01-03"), date("2026-01-06"));
    let names = names.clone();
    let wish = |name: &'static str, value: &str, test: Test| (name, value.to_owned(), test);
    vec![
        wish(
            "fiche_ids",
            "1001, 1002,,1031",
            Box::new(|row| ["1001", "1002", "1031"].contains(&row.fiche_id.as_str())),
        ),
        wish(
            "groupes",
            "Ouest",
            of_fiche(|fiche| fiche.groupe == Some("Ouest")),
        ),
        wish(
            "groupe_query",
            "ES",
            of_fiche(|fiche| has(fiche.groupe, "es")),
        ),
        wish(
            "agence_query",
            "nan",
            of_fiche(|fiche| has(fiche.agence_nom, "nan")),
        ),
        wish(
            "prospect_query",
            "0%",
            of_fiche(|fiche| has(fiche.prospect_nom, "0%")),
        ),
        // What `LIKE` would take for any character.
        wish(
            "prospect_query",
            "n_",
            of_fiche(|fiche| has(fiche.prospect_email.as_deref(), "n_")),
        ),
        wish(
            "prospect_query",
            r"n\o",
            of_fiche(|fiche| has(fiche.prospect_nom, r"n\o")),
        ),
        wish("q", "_", of_fiche(|_| false)),
        wish(
            "prospect_query",
            "103",
            Box::new(|row| row.fiche_id.contains("103")),
        ),
        wish(
            "prospect_query",
            "c1",
            of_fiche(|fiche| has(fiche.prospect_email.as_deref(), "c1")),
        ),
        wish(
            "sales_dates",
            "2026-01-03,2026-01-04",
            of_fiche(move |fiche| {
                fiche
                    .sales_date
                    .is_some_and(|d| d == from || d == date("2026-01-04"))
            }),
        ),
        wish(
            "sales_date_from",
            "2026-01-03",
            of_fiche(move |fiche| fiche.sales_date.is_some_and(|d| d >= from)),
        ),
        wish(
            "sales_date_to",
            "2026-01-06",
            of_fiche(move |fiche| fiche.sales_date.is_some_and(|d| d <= to)),
        ),
        wish(
            "has_recordings",
            "true",
            of_fiche(|fiche| fiche.has_recordings),
        ),
        wish(
            "has_recordings",
            "no",
            of_fiche(|fiche| !fiche.has_recordings),
        ),
        wish(
            "recordings_count_min",
            "2",
            of_fiche(|fiche| fiche.recordings_count.is_some_and(|n| n >= 2)),
        ),
        wish(
            "recordings_count_max",
            "2",
            of_fiche(|fiche| fiche.recordings_count.is_some_and(|n| n <= 2)),
        ),
        wish(
            "fetched_at_from",
            "2026-01-03T00:00:00Z",
            of_fiche(|fiche| fiche.fetched_at.is_some_and(|at| at >= day(2))),
        ),
        wish(
            "fetched_at_to",
            "2026-01-06",
            of_fiche(|fiche| fiche.fetched_at.is_some_and(|at| at < day(6))),
        ),
        wish(
            "status",
            "pending,running,x",
            Box::new(|row| ["pending", "running"].contains(&status(row))),
        ),
        wish("status", "x", Box::new(|_| true)),
        wish("is_compliant", "true", Box::new(|row| row.is_compliant)),
        wish(
            "niveau",
            "BON,REJET",
            Box::new(|row| row.niveau != "PENDING"),
        ),
        wish(
            "date_from",
            "2026-01-04",
            Box::new(|row| row.created_at >= day(3)),
        ),
        wish(
            "date_to",
            "2026-01-07",
            Box::new(|row| row.created_at < day(7)),
        ),
        wish(
            "audit_config_ids",
            "2,x",
            Box::new(|row| row.audit_config_id == 2),
        ),
        wish(
            "score_min",
            "25.5",
            Box::new(|row| row.score_percentage >= 25.5),
        ),
        wish(
            "score_max",
            "75",
            Box::new(|row| row.score_percentage <= 75.0),
        ),
        wish(
            "duration_min_ms",
            "300000",
            Box::new(|row| row.duration_ms.is_some_and(|ms| ms >= 300_000)),
        ),
        wish(
            "duration_max_ms",
            "900000",
            Box::new(|row| row.duration_ms.is_some_and(|ms| ms <= 900_000)),
        ),
        wish(
            "tokens_min",
            "200",
            Box::new(|row| row.total_tokens.is_some_and(|n| n >= 200)),
        ),
        wish(
            "tokens_max",
            "700",
            Box::new(|row| row.total_tokens.is_some_and(|n| n <= 700)),
        ),
        wish(
            "has_failed_steps",
            "true",
            Box::new(|row| row.failed_steps.is_some_and(|n| n > 0)),
        ),
        wish(
            "has_failed_steps",
            "false",
            Box::new(|row| row.failed_steps.is_none_or(|n| n == 0)),
        ),
        wish(
            "automation_schedule_ids",
            "6",
            Box::new(|row| row.automation_schedule_id == Some(6)),
        ),
        wish(
            "automation_run_ids",
            "70,71",
            Box::new(|row| row.automation_run_id.is_some_and(|id| id < 72)),
        ),
        wish(
            "trigger_source",
            "api,batch",
            Box::new(|row| {
                row.trigger_source
                    .as_deref()
                    .is_some_and(|source| source != "automation")
            }),
        ),
        wish(
            "q",
            "introuvable",
            Box::new(|row| has(row.error_message.as_deref(), "introuvable")),
        ),
        wish(
            "q",
            "LENOIR",
            of_fiche(|fiche| has(fiche.prospect_nom, "lenoir")),
        ),
        wish(
            "q",
            "12",
            Box::new(move |row| {
                let config = usize::try_from(row.audit_config_id - 1).unwrap();
                row.id == 12 || row.fiche_id.contains("12") || names[config].contains("12")
            }),
        ),
    ]
}
