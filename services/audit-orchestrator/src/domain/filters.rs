//! The query of an audit list (`audits.md` 6.2).

mod query;

use crate::domain::cursor::Cursor;
use chrono::{DateTime, NaiveDate, Utc};
use query::Query;
use std::collections::HashMap;

/// A filter that does not parse where the contract wants an error.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Invalid query parameters")]
pub struct InvalidQuery {
    /// The parameter.
    pub parameter: &'static str,
}

/// Column to sort by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SortBy {
    /// Creation.
    #[default]
    CreatedAt,
    /// End.
    CompletedAt,
    /// Score.
    ScorePercentage,
    /// Duration.
    DurationMs,
}

/// A half-open or closed range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Range<T> {
    /// Inclusive.
    pub from: Option<T>,
    /// Inclusive.
    pub to: Option<T>,
}

impl<T> Default for Range<T> {
    fn default() -> Self {
        Self {
            from: None,
            to: None,
        }
    }
}

/// The end of a range of times: a bare date includes its whole day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// Up to and including this instant.
    Including(DateTime<Utc>),
    /// Up to this instant.
    Before(DateTime<Utc>),
}

/// A range of times.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TimeRange {
    /// Inclusive.
    pub from: Option<DateTime<Utc>>,
    /// End.
    pub to: Option<Until>,
}

/// Everything a list can be narrowed by. Empty lists do not filter.
#[derive(Debug, Clone, Default, PartialEq)]
#[expect(
    missing_docs,
    reason = "one field for each parameter of 6.2, under its name"
)]
pub struct Filters {
    pub fiche_ids: Vec<String>,
    pub groupes: Vec<String>,
    pub groupe_query: Option<String>,
    pub agence_query: Option<String>,
    pub prospect_query: Option<String>,
    pub sales_dates: Vec<NaiveDate>,
    pub sales_date: Range<NaiveDate>,
    pub has_recordings: Option<bool>,
    pub recordings_count: Range<i64>,
    pub fetched_at: TimeRange,
    pub last_revalidated: TimeRange,
    pub status: Vec<String>,
    pub is_compliant: Option<bool>,
    pub niveau: Vec<String>,
    pub date: TimeRange,
    pub audit_config_ids: Vec<i64>,
    pub score: Range<f64>,
    pub duration_ms: Range<i64>,
    pub tokens: Range<i64>,
    pub has_failed_steps: Option<bool>,
    pub automation_schedule_ids: Vec<i64>,
    pub automation_run_ids: Vec<i64>,
    pub trigger_source: Vec<String>,
    pub q: Option<String>,
    pub latest_only: Option<bool>,
    pub include_deleted: Option<bool>,
    pub sort_by: SortBy,
    pub ascending: bool,
    pub limit: i64,
    pub offset: i64,
    /// Only what comes after this place of the order: `cursor`.
    pub after: Option<Cursor>,
}

const STATUSES: [&str; 4] = ["pending", "running", "completed", "failed"];
const NIVEAUX: [&str; 6] = [
    "PENDING",
    "EXCELLENT",
    "BON",
    "ACCEPTABLE",
    "INSUFFISANT",
    "REJET",
];

impl Filters {
    /// Reads the parameters as received.
    pub fn parse(query: &HashMap<String, String>) -> Result<Self, InvalidQuery> {
        let q = Query(query);
        let sort_by = match q.raw("sort_by") {
            Some("completed_at") => SortBy::CompletedAt,
            Some("score_percentage") => SortBy::ScorePercentage,
            Some("duration_ms") => SortBy::DurationMs,
            _ => SortBy::CreatedAt,
        };
        let ascending = q.raw("sort_order") == Some("asc");
        let after = q.cursor("cursor", sort_by, ascending)?;
        let offset = q.strict("offset")?.unwrap_or(0).max(0);
        Ok(Self {
            fiche_ids: q.csv("fiche_ids"),
            groupes: q.csv("groupes"),
            groupe_query: q.text("groupe_query"),
            agence_query: q.text("agence_query"),
            prospect_query: q.text("prospect_query"),
            sales_dates: q.dates("sales_dates")?,
            sales_date: Range {
                from: q.date("sales_date_from")?,
                to: q.date("sales_date_to")?,
            },
            has_recordings: q.flag("has_recordings"),
            recordings_count: q.counts("recordings_count_min", "recordings_count_max")?,
            fetched_at: q.times("fetched_at_from", "fetched_at_to")?,
            last_revalidated: q.times("last_revalidated_from", "last_revalidated_to")?,
            status: q.words("status", &STATUSES),
            is_compliant: q.flag("is_compliant"),
            niveau: q.words("niveau", &NIVEAUX),
            date: q.times("date_from", "date_to")?,
            audit_config_ids: q.parsed_csv("audit_config_ids"),
            score: Range {
                from: q.finite("score_min"),
                to: q.finite("score_max"),
            },
            duration_ms: q.counts("duration_min_ms", "duration_max_ms")?,
            tokens: q.counts("tokens_min", "tokens_max")?,
            has_failed_steps: q.flag("has_failed_steps"),
            automation_schedule_ids: q.parsed_csv("automation_schedule_ids"),
            automation_run_ids: q.parsed_csv("automation_run_ids"),
            trigger_source: q.csv("trigger_source"),
            q: q.text("q"),
            latest_only: q.flag("latest_only"),
            include_deleted: q.flag("include_deleted"),
            sort_by,
            ascending,
            limit: q.strict("limit")?.unwrap_or(100).clamp(1, 500),
            // A cursor replaces it.
            offset: if after.is_some() { 0 } else { offset },
            after,
        })
    }

    /// Whether only latest versions are wanted; the default.
    pub fn only_latest(&self) -> bool {
        self.latest_only.unwrap_or(true)
    }

    /// Whether deleted ones are wanted too.
    pub fn with_deleted(&self) -> bool {
        self.include_deleted.unwrap_or(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(pairs: &[(&str, &str)]) -> Result<Filters, InvalidQuery> {
        let pairs = pairs
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        Filters::parse(&pairs.collect())
    }

    #[test]
    fn an_empty_query_lists_the_latest_hundred() {
        let filters = parse(&[]).unwrap();
        assert_eq!((filters.limit, filters.offset), (100, 0));
        assert!(filters.only_latest() && !filters.with_deleted() && !filters.ascending);
    }

    #[test]
    fn what_does_not_parse_is_ignored_or_refused_as_the_contract_says() {
        let filters = parse(&[
            ("status", "completed, done,"),
            ("niveau", "nope"),
            ("audit_config_ids", "1,x,3"),
            ("score_min", "abc"),
            ("is_compliant", "yes"),
            ("limit", "9999"),
            ("offset", "-3"),
        ])
        .unwrap();
        assert_eq!(filters.status, ["completed"]);
        assert!(filters.niveau.is_empty());
        assert_eq!(filters.audit_config_ids, [1, 3]);
        assert_eq!(filters.score.from, None);
        assert_eq!(filters.is_compliant, Some(false));
        assert_eq!((filters.limit, filters.offset), (500, 0));
        for bad in [
            ("limit", "x"),
            ("date_from", "hier"),
            ("tokens_min", "-1"),
            ("sales_dates", "2026-01-05,hier"),
            ("cursor", "zz"),
        ] {
            assert_eq!(parse(&[bad]).unwrap_err().parameter, bad.0);
        }
    }

    #[test]
    fn numbers_beyond_all_bounds_are_bounds_and_no_numbers_are_none() {
        let long = "99999999999999999999";
        let filters = parse(&[("limit", long), ("offset", long)]).unwrap();
        assert_eq!((filters.limit, filters.offset), (500, i64::MAX));
        let negative = format!("-{long}");
        let filters = parse(&[("limit", &negative), ("offset", &negative)]).unwrap();
        assert_eq!((filters.limit, filters.offset), (1, 0));
        let filters = parse(&[("score_min", "NaN"), ("score_max", "inf")]).unwrap();
        assert_eq!(filters.score, Range::default());
    }

    #[test]
    fn a_time_without_an_offset_is_utc() {
        let with = parse(&[("date_from", "2026-01-05T10:00:00Z")]).unwrap();
        let without = parse(&[("date_from", "2026-01-05T10:00:00")]).unwrap();
        assert_eq!(with.date, without.date);
    }

    #[test]
    fn a_bare_end_date_includes_its_day() {
        let filters = parse(&[("date_from", "2026-01-05"), ("date_to", "2026-01-05")]).unwrap();
        assert_eq!(
            filters.date.from.unwrap().to_rfc3339(),
            "2026-01-05T00:00:00+00:00"
        );
        let Some(Until::Before(end)) = filters.date.to else {
            panic!("{:?}", filters.date)
        };
        assert_eq!(end.to_rfc3339(), "2026-01-06T00:00:00+00:00");
    }
}
