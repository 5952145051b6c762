use std::str::FromStr;

use chrono::{Days, NaiveDate};

use super::{Fiche, casting};

/// Ids of bulk fiches start here.
const FIRST_ID: u64 = 9_000_000;
/// Days covered when none are given.
const DEFAULT_SPAN: &str = "2025-01-01..2025-01-30";

/// Fiches for load tests, each with one recording, spread evenly over a span of days.
///
/// Written `5000` or `5000@2025-03-01..2025-03-10`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bulk {
    /// How many.
    pub count: u64,
    /// First day with sales.
    pub first: NaiveDate,
    /// Last day with sales.
    pub last: NaiveDate,
}

/// A text is no [`Bulk`].
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a number, or number@YYYY-MM-DD..YYYY-MM-DD with days in order")]
pub struct BulkError;

impl FromStr for Bulk {
    type Err = BulkError;

    fn from_str(text: &str) -> Result<Self, BulkError> {
        let (count, span) = text.split_once('@').unwrap_or((text, DEFAULT_SPAN));
        let (first, last) = span.split_once("..").ok_or(BulkError)?;
        let bulk = Self {
            count: count.parse().map_err(|_| BulkError)?,
            first: first.parse().map_err(|_| BulkError)?,
            last: last.parse().map_err(|_| BulkError)?,
        };
        (bulk.first <= bulk.last).then_some(bulk).ok_or(BulkError)
    }
}

impl Bulk {
    /// Id of the n-th fiche, from 0.
    pub fn fiche_id(number: u64) -> u64 {
        FIRST_ID + number
    }

    fn days(&self) -> u64 {
        let days = self.last.signed_duration_since(self.first).num_days();
        u64::try_from(days).unwrap_or_default() + 1
    }

    pub(super) fn fiche(&self, id: u64) -> Option<Fiche> {
        let number = id.checked_sub(FIRST_ID)?;
        let day = self.first + Days::new(number % self.days());
        (number < self.count).then(|| casting::bulk_fiche(id, day, number))
    }

    pub(super) fn sold(&self, start: NaiveDate, end: NaiveDate) -> Vec<Fiche> {
        let days = self.days();
        let sold = start.max(self.first)..=end.min(self.last);
        // Every `days`-th number falls on the same day.
        (0..days)
            .zip(self.first.iter_days())
            .filter(|(_, day)| sold.contains(day))
            .flat_map(|(place, day)| {
                let step = usize::try_from(days).unwrap_or(usize::MAX);
                (place..self.count)
                    .step_by(step)
                    .map(move |number| casting::bulk_fiche(Self::fiche_id(number), day, number))
            })
            .collect()
    }
}
