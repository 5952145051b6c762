//! How long a recording waits after a failed attempt.

use std::time::Duration;

use crate::retry::{ceil_to_seconds, exponential};

/// The waits between the attempts at one recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// The wait after the first failure; doubles with each further one.
    pub base: Duration,
    /// The longest exponential wait; never below the base.
    pub cap: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self {
            base: Duration::from_secs(2),
            cap: Duration::from_mins(1),
        }
    }
}

impl Backoff {
    /// The wait after failed attempt `attempt` (1-based), in whole seconds, at least one.
    ///
    /// `jitter` in `0..=1` scales the exponential part (full jitter: pass a random number; 1 is none). A
    /// `Retry-After` is a floor that no jitter and no cap undercuts.
    pub fn delay(&self, attempt: u32, retry_after: Option<Duration>, jitter: f64) -> Duration {
        let exponential = exponential(self.base, self.cap.max(self.base), attempt);
        let jittered = exponential.mul_f64(jitter.clamp(0.0, 1.0));
        let wait = jittered.max(retry_after.unwrap_or_default());
        ceil_to_seconds(wait).max(Duration::from_secs(1))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(1, None, 2)]
    #[case(2, None, 4)]
    #[case(3, None, 8)]
    #[case(4, None, 16)]
    #[case(5, None, 32)]
    #[case(6, None, 60)]
    #[case(1, Some(90), 90)]
    #[case(3, Some(1), 8)]
    fn the_ladder(#[case] attempt: u32, #[case] retry_after: Option<u64>, #[case] seconds: u64) {
        let wait = Backoff::default().delay(attempt, retry_after.map(Duration::from_secs), 1.0);
        assert_eq!(wait, Duration::from_secs(seconds));
    }

    #[test]
    fn a_cap_below_the_base_is_the_base() {
        let backoff = Backoff {
            base: Duration::from_secs(5),
            cap: Duration::from_secs(1),
        };
        assert_eq!(backoff.delay(4, None, 1.0), Duration::from_secs(5));
    }

    proptest! {
        #[test]
        fn jitter_shortens_but_never_below_a_second_or_retry_after(
            attempt in 0u32..100, jitter in 0.0f64..=1.0, after in proptest::option::of(0u64..1000),
        ) {
            let after = after.map(Duration::from_secs);
            let wait = Backoff::default().delay(attempt, after, jitter);
            prop_assert!(wait <= Backoff::default().delay(attempt, after, 1.0));
            prop_assert!(wait >= Duration::from_secs(1) && wait >= after.unwrap_or_default());
        }
    }
}
