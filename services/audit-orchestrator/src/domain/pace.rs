//! How often one person may ask for audits and re-runs (`audits.md` W-20).

use std::time::Duration;

/// A token bucket: so many within a minute, saved up for one minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    interval: Duration,
    credit: Duration,
}

impl Pace {
    /// So many a minute; 0 is no limit.
    pub fn per_minute(most: u32) -> Option<Self> {
        let interval = Duration::from_mins(1).checked_div(most)?;
        Some(Self {
            interval,
            credit: interval * (most - 1),
        })
    }

    /// From one request to the next, in the long run.
    pub const fn interval(self) -> Duration {
        self.interval
    }

    /// What who was silent has saved up.
    pub const fn credit(self) -> Duration {
        self.credit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_of_silence_saves_a_minute_of_requests() {
        assert_eq!(Pace::per_minute(0), None);
        let one = Pace::per_minute(1).unwrap();
        assert_eq!(one.interval(), Duration::from_mins(1));
        assert_eq!(one.credit(), Duration::ZERO);
        let sixty = Pace::per_minute(60).unwrap();
        assert_eq!(sixty.interval(), Duration::from_secs(1));
        assert_eq!(sixty.credit(), Duration::from_secs(59));
    }
}
