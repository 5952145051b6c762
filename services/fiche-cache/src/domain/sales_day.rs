//! What the ledger says about a day of sales.

use chrono::{DateTime, Duration, NaiveDate, NaiveTime, TimeZone, Utc};
use chrono_tz::Tz;

/// A day that was fetched before it ended counts so long.
const FRESH: Duration = Duration::minutes(5);
/// After that a day is worth another look (fiches.md 4.6).
const STALE: Duration = Duration::hours(24);

/// One row of the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SalesDay {
    /// The day.
    pub day: NaiveDate,
    /// The last success.
    pub fetched_at: Option<DateTime<Utc>>,
    /// Fiches of its list.
    pub expected: i32,
    /// Fiches written.
    pub cached: i32,
    /// Why the last attempt failed.
    pub last_error: Option<String>,
}

impl SalesDay {
    /// Whether its sales are in the cache and need not be fetched: all were written, after the day
    /// had ended or a moment ago.
    pub fn is_covered(&self, zone: Tz, now: DateTime<Utc>) -> bool {
        self.cached == self.expected
            && self
                .fetched_at
                .is_some_and(|at| at >= end_of(self.day, zone) || now - at < FRESH)
    }

    /// The word of the staleness policy.
    pub fn staleness(&self, today: NaiveDate, now: DateTime<Utc>) -> &'static str {
        match self.fetched_at {
            _ if self.day == today => "date_is_today",
            None => "never_validated",
            Some(at) if now - at > STALE => "stale_cache",
            Some(_) => "cache_fresh",
        }
    }
}

/// Today, where the business is.
pub fn today(zone: Tz, now: DateTime<Utc>) -> NaiveDate {
    now.with_timezone(&zone).date_naive()
}

/// The days from `start` to `end`, both included.
pub fn range(start: NaiveDate, end: NaiveDate) -> Vec<NaiveDate> {
    start.iter_days().take_while(|day| *day <= end).collect()
}

/// The first instant after a day.
fn end_of(day: NaiveDate, zone: Tz) -> DateTime<Utc> {
    let next = day.succ_opt().unwrap_or(day).and_time(NaiveTime::MIN);
    // Midnight may fall into an hour that a zone leaps over; then the day ends by UTC.
    zone.from_local_datetime(&next)
        .earliest()
        .map_or_else(|| next.and_utc(), |at| at.with_timezone(&Utc))
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono_tz::Europe::Paris;
    use rstest::rstest;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn day(fetched_at: Option<&str>, expected: i32, cached: i32) -> SalesDay {
        SalesDay {
            day: NaiveDate::from_ymd_opt(2026, 1, 14).unwrap(),
            fetched_at: fetched_at.map(at),
            expected,
            cached,
            last_error: None,
        }
    }

    #[rstest]
    #[case::never(None, 0, 0, false)]
    #[case::without_sales(Some("2026-01-15T00:00:00Z"), 0, 0, true)]
    #[case::after_midnight_in_paris(Some("2026-01-14T23:00:00Z"), 3, 3, true)]
    #[case::before_midnight_in_paris(Some("2026-01-14T22:59:59Z"), 3, 3, false)]
    #[case::half(Some("2026-01-20T00:00:00Z"), 3, 2, false)]
    #[case::a_moment_ago(Some("2026-01-14T12:56:00Z"), 3, 3, true)]
    fn a_day_counts_when_all_of_it_was_fetched_after_its_end(
        #[case] fetched_at: Option<&str>,
        #[case] expected: i32,
        #[case] cached: i32,
        #[case] covered: bool,
    ) {
        let now = match fetched_at {
            Some("2026-01-14T12:56:00Z") => at("2026-01-14T13:00:00Z"),
            _ => at("2026-01-21T00:00:00Z"),
        };
        assert_eq!(
            day(fetched_at, expected, cached).is_covered(Paris, now),
            covered
        );
    }

    #[test]
    fn staleness_in_the_words_of_the_contract() {
        let now = at("2026-01-16T12:00:00Z");
        let today = today(Paris, now);
        assert_eq!(day(None, 0, 0).staleness(today, now), "never_validated");
        let old = day(Some("2026-01-15T11:00:00Z"), 0, 0);
        assert_eq!(old.staleness(today, now), "stale_cache");
        let fresh = day(Some("2026-01-15T13:00:00Z"), 0, 0);
        assert_eq!(fresh.staleness(today, now), "cache_fresh");
        assert_eq!(fresh.staleness(fresh.day, now), "date_is_today");
    }

    #[test]
    fn today_is_that_of_the_business() {
        let day = today(Paris, at("2026-01-14T23:30:00Z"));
        assert_eq!(day.to_string(), "2026-01-15");
        assert_eq!(range(day, day).len(), 1);
        assert_eq!(range(day, day.pred_opt().unwrap()).len(), 0);
    }
}
