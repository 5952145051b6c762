//! What people ask lists for: each question has three filters whose values change from one request
//! to the next.

use super::prepare::{AGENCIES, SCHEDULES, SYLLABLES, TEAMS};
use chrono::{Duration, NaiveDate};

/// A question, put many times.
pub struct Question {
    /// In words.
    pub name: &'static str,
    /// Its query, the n-th time.
    pub query: fn(&Days, usize) -> String,
}

/// The days on which audits were made: about a year.
pub struct Days(pub NaiveDate);

impl Days {
    /// A range of some days, another one each time.
    fn range(&self, n: usize, days: i64) -> (NaiveDate, NaiveDate) {
        let back = i64::try_from(n * 37 % 300).unwrap_or_default();
        let last = self.0 - Duration::days(back);
        (last - Duration::days(days), last)
    }
}

/// The questions. What is listed: 100 audits, as the API does unless it is told otherwise.
pub const QUESTIONS: [Question; 7] = [
    Question {
        name: "a team's failures of a month",
        query: |days, n| {
            let ((from, to), team) = (days.range(n, 30), n % TEAMS);
            format!("groupes=EQUIPE%20{team}&status=failed&date_from={from}&date_to={to}")
        },
    },
    Question {
        name: "rejected audits of a team's sales",
        query: |days, n| {
            let ((from, to), team) = (days.range(n, 30), n % TEAMS);
            format!(
                "groupes=EQUIPE%20{team}&niveau=REJET&sales_date_from={from}&sales_date_to={to}"
            )
        },
    },
    Question {
        name: "the worst of a configuration's week",
        query: |days, n| {
            let ((from, to), most) = (days.range(n, 7), 40 + n % 30);
            format!(
                "is_compliant=false&score_max={most}&date_from={from}&date_to={to}\
                 &sort_by=score_percentage&sort_order=asc"
            )
        },
    },
    Question {
        name: "a prospect by name",
        query: |_, n| {
            let syllable = |n: usize| SYLLABLES[n % SYLLABLES.len()].to_lowercase();
            let name = syllable(n) + &syllable(n / 5) + &syllable(n / 3);
            format!("prospect_query={name}&status=completed&has_recordings=true")
        },
    },
    Question {
        name: "a fiche in the search box",
        query: |_, n| {
            let fiche = 5_000_000 + n * 2_477 % 250_000;
            format!("q={fiche}&latest_only=true&status=completed,failed")
        },
    },
    Question {
        name: "failed steps of a schedule's month",
        query: |days, n| {
            let (from, to) = days.range(n, 30);
            let schedule = 1 + i64::try_from(n).unwrap_or_default() % SCHEDULES;
            format!(
                "automation_schedule_ids={schedule}&has_failed_steps=true\
                 &date_from={from}&date_to={to}"
            )
        },
    },
    Question {
        name: "the slowest of an agency",
        query: |_, n| {
            let (agency, level) = (n % AGENCIES, ["BON", "EXCELLENT", "REJET"][n % 3]);
            let city = [SYLLABLES[agency % 16], SYLLABLES[agency / 16]].concat();
            let city = city.to_lowercase();
            format!(
                "agence_query={city}&niveau={level}&duration_min_ms=200000\
                 &sort_by=duration_ms"
            )
        },
    },
];

/// What most of a million audits answer to: the page is one of thousands, and all are counted.
pub const WIDE: Question = Question {
    name: "everything compliant with recordings",
    query: |_, n| {
        let offset = n % 10 * 100;
        format!("status=completed&is_compliant=true&has_recordings=true&offset={offset}")
    },
};
