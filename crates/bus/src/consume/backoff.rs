use std::time::Duration;

/// Longer waits leave the queue: a delayed nak keeps its place in the platform's concurrency.
pub(super) const LONGEST_NAK: Duration = Duration::from_secs(30);
const FIRST_NAK: Duration = Duration::from_millis(500);
const LONGEST_RECONNECT: Duration = Duration::from_secs(5);

/// The pause after the n-th delivery failed: doubling, the upper half of it random.
pub(super) fn nak(delivery: u32) -> Duration {
    let doubled = FIRST_NAK.saturating_mul(1 << delivery.saturating_sub(1).min(10));
    doubled
        .min(LONGEST_NAK)
        .mul_f64(rand::random_range(0.5..=1.0))
}

/// The pause that a handler asked for, stretched by at most a tenth, so that messages that failed
/// together don't come back together.
pub(super) fn asked(after: Duration) -> Duration {
    after.mul_f64(rand::random_range(1.0..=1.1))
}

/// The pause after the n-th failed pull.
pub(super) fn reconnect(failures: u32) -> Duration {
    Duration::from_millis(100)
        .saturating_mul(1 << failures.min(6))
        .min(LONGEST_RECONNECT)
        .mul_f64(rand::random_range(0.5..=1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn naks_grow_and_stay_short() {
        for _ in 0..100 {
            assert!(nak(1) >= Duration::from_millis(250) && nak(1) <= Duration::from_millis(500));
            assert!(nak(4) >= Duration::from_secs(2));
            assert!(nak(u32::MAX) <= LONGEST_NAK);
        }
    }

    #[test]
    fn an_asked_pause_is_never_shortened() {
        let after = Duration::from_secs(7);
        for _ in 0..100 {
            assert!(asked(after) >= after && asked(after) <= after.mul_f64(1.1));
        }
    }
}
