use chrono::NaiveDate;

/// Failures that a job's own error names.
const NAMED: usize = 3;

/// Where a day of a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum DayState {
    /// To be fetched.
    Pending,
    /// Was in the cache.
    Cached,
    /// Fetched by the job.
    Done,
    /// Given up.
    Failed,
}

/// A day of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobDay {
    /// The day.
    pub day: NaiveDate,
    /// Where it is.
    pub state: DayState,
    /// Why it failed.
    pub error: Option<String>,
}

/// The days of a job, parted by where they are, each in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Progress {
    /// In the cache.
    pub completed: Vec<NaiveDate>,
    /// To come.
    pub remaining: Vec<NaiveDate>,
    /// Given up, and why.
    pub failed: Vec<(NaiveDate, String)>,
}

impl Progress {
    /// Of all days of a job, in order.
    pub fn of(days: Vec<JobDay>) -> Self {
        let mut progress = Self::default();
        for day in days {
            match day.state {
                DayState::Pending => progress.remaining.push(day.day),
                DayState::Cached | DayState::Done => progress.completed.push(day.day),
                DayState::Failed => progress
                    .failed
                    .push((day.day, day.error.unwrap_or_default())),
            }
        }
        progress
    }

    /// Days that are settled.
    pub fn processed(&self) -> usize {
        self.completed.len() + self.failed.len()
    }

    /// Whether none is to come.
    pub fn is_over(&self) -> bool {
        self.remaining.is_empty()
    }

    /// Of 100.
    pub fn percent(&self) -> i32 {
        let total = (self.processed() + self.remaining.len()).max(1);
        // Rounded half up.
        let percent = (200 * self.processed() + total) / (2 * total);
        i32::try_from(percent).unwrap_or(100)
    }

    /// Days given up.
    pub fn failed_days(&self) -> Vec<NaiveDate> {
        self.failed.iter().map(|(day, _)| *day).collect()
    }

    /// What a job that ended with failed days says, the first failures named.
    pub fn error(&self) -> Option<String> {
        if self.failed.is_empty() {
            return None;
        }
        let mut error = format!(
            "{} date(s) failed during progressive fetch",
            self.failed.len()
        );
        let named: Vec<_> = self
            .failed
            .iter()
            .filter(|(_, error)| !error.is_empty())
            .take(NAMED)
            .map(|(day, error)| format!("{day}: {error}"))
            .collect();
        if !named.is_empty() {
            error.push_str(" (");
            error.push_str(&named.join("; "));
            error.push(')');
        }
        Some(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn days(states: &[DayState]) -> Progress {
        let first = NaiveDate::from_ymd_opt(2026, 1, 12).unwrap();
        let day = |(day, state): (NaiveDate, &DayState)| JobDay {
            day,
            state: *state,
            error: (*state == DayState::Failed).then(|| "down".to_owned()),
        };
        Progress::of(first.iter_days().zip(states).map(day).collect())
    }

    #[rstest]
    #[case(&[], 0)]
    #[case(&[DayState::Pending], 0)]
    #[case(&[DayState::Done, DayState::Pending, DayState::Cached], 67)]
    #[case(&[DayState::Done, DayState::Pending, DayState::Pending], 33)]
    #[case(&[DayState::Failed, DayState::Done], 100)]
    fn percents_are_rounded(#[case] states: &[DayState], #[case] percent: i32) {
        assert_eq!(days(states).percent(), percent);
    }

    #[test]
    fn lists_part_the_days_and_failures_are_named() {
        use DayState::{Cached, Done, Failed, Pending};
        let progress = days(&[Failed, Done, Pending, Cached, Failed, Failed, Failed]);
        assert_eq!((progress.processed(), progress.is_over()), (6, false));
        let error = progress.error().unwrap();
        assert_eq!(
            error,
            "4 date(s) failed during progressive fetch \
             (2026-01-12: down; 2026-01-16: down; 2026-01-17: down)"
        );
        assert_eq!(days(&[Done]).error(), None);
    }
}
