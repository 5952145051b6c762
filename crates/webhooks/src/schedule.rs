//! When a failed delivery is tried again (fiches.md W49).

use std::ops::RangeInclusive;
use std::time::Duration;

/// Seconds after each failed attempt: about three days in all.
const WAITS: [u64; 10] = [2, 4, 30, 300, 1_800, 7_200, 18_000, 36_000, 72_000, 129_600];
/// Attempts of the whole schedule.
pub const ATTEMPTS: u32 = 11;
/// Receivers do not come back in step.
const JITTER: RangeInclusive<f64> = 0.8..=1.2;
/// A receiver that asks for more patience than this is not believed.
const LONGEST: Duration = Duration::from_hours(36);

/// How long to wait after failed attempt `attempt`, from 1. What the receiver asks for counts when it
/// is longer.
pub fn wait(attempt: u32, retry_after: Option<Duration>) -> Duration {
    let place = usize::try_from(attempt.saturating_sub(1)).unwrap_or(usize::MAX);
    let seconds = WAITS[place.min(WAITS.len() - 1)];
    let planned = Duration::from_secs(seconds).mul_f64(rand::random_range(JITTER));
    planned.max(retry_after.unwrap_or_default().min(LONGEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_as_the_contract_says() {
        for (attempt, seconds) in [
            (1, 2.0),
            (2, 4.0),
            (3, 30.0),
            (10, 129_600.0),
            (99, 129_600.0),
        ] {
            for _ in 0..50 {
                let waited = wait(attempt, None).as_secs_f64();
                assert!(
                    (seconds * 0.8..=seconds * 1.2).contains(&waited),
                    "{waited}"
                );
            }
        }
        assert_eq!(ATTEMPTS as usize, WAITS.len() + 1);
    }

    #[test]
    fn a_receiver_may_ask_for_more_patience_but_not_for_less() {
        let hour = Duration::from_hours(1);
        assert_eq!(wait(1, Some(hour)), hour);
        assert!(wait(10, Some(Duration::ZERO)) > hour);
        assert_eq!(wait(1, Some(Duration::from_hours(999))), LONGEST);
    }
}
