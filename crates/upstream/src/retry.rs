//! What may be tried again, when, and how often. Pure, but for [`run`], which waits on tokio's clock.

use std::time::{Duration, SystemTime};

use crate::Budget;

/// No server's `Retry-After` is believed beyond this.
const LONGEST_RETRY_AFTER: Duration = Duration::from_hours(24);

/// Reads a `Retry-After` value: a positive number of seconds (rounded up) or an HTTP date ahead of `now`.
pub fn parse_retry_after(value: &str, now: SystemTime) -> Option<Duration> {
    let value = value.trim();
    let wait = if let Ok(seconds) = value.parse::<f64>() {
        if !seconds.is_finite() || seconds <= 0.0 {
            return None;
        }
        Duration::from_secs_f64(seconds.min(LONGEST_RETRY_AFTER.as_secs_f64()))
    } else {
        httpdate::parse_http_date(value)
            .ok()?
            .duration_since(now)
            .ok()?
    };
    let wait = ceil_to_seconds(wait).min(LONGEST_RETRY_AFTER);
    (!wait.is_zero()).then_some(wait)
}

/// Rounds up to whole seconds.
pub(crate) fn ceil_to_seconds(wait: Duration) -> Duration {
    let extra = u64::from(wait.subsec_nanos() > 0);
    Duration::from_secs(wait.as_secs().saturating_add(extra))
}

/// Whether an HTTP status says "try again": 408, 429 and 5xx.
pub const fn is_transient_status(status: u16) -> bool {
    matches!(status, 408 | 429 | 500..=599)
}

/// Attempts, and the waits between them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RetryPolicy {
    /// Attempts in total, the first included.
    pub attempts: u32,
    /// The wait before the first retry; it doubles with each further one.
    pub base: Duration,
    /// The longest exponential wait. A server's `Retry-After` may exceed it.
    pub cap: Duration,
    /// Spread on both sides of the wait, as a part of it (0.2 is ±20 %).
    pub jitter: f64,
}

impl RetryPolicy {
    /// Three attempts, 1 s doubling to 15 s, ±20 %.
    pub const STANDARD: Self = Self {
        attempts: 3,
        base: Duration::from_secs(1),
        cap: Duration::from_secs(15),
        jitter: 0.2,
    };

    /// The same waits with another number of attempts.
    #[must_use]
    pub const fn with_attempts(self, attempts: u32) -> Self {
        Self { attempts, ..self }
    }

    /// The wait before retry `retry` (1-based). `unit` in `0..=1` places it inside the spread.
    ///
    /// A `Retry-After` is a floor: the spread is only added to it, since coming back earlier would be hammering.
    pub fn delay(&self, retry: u32, retry_after: Option<Duration>, unit: f64) -> Duration {
        let exponential = exponential(self.base, self.cap, retry);
        let unit = unit.clamp(0.0, 1.0);
        let spread = self.jitter.clamp(0.0, 1.0);
        let wait = match retry_after.filter(|wait| !wait.is_zero()) {
            Some(wait) => wait + exponential.mul_f64(spread * unit),
            None => exponential.mul_f64((1.0 - spread) + 2.0 * spread * unit),
        };
        Duration::from_millis(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX))
    }
}

/// `min(cap, base * 2^(n-1))`, without overflow.
pub(crate) fn exponential(base: Duration, cap: Duration, n: u32) -> Duration {
    let factor = 2u32.checked_pow(n.saturating_sub(1)).unwrap_or(u32::MAX);
    base.saturating_mul(factor).min(cap)
}

/// What a failed attempt means for the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Trying again cannot help.
    Permanent,
    /// Trying again may help, not before the server's `Retry-After` if there is one.
    Transient(Option<Duration>),
}

/// An error that knows whether another attempt may help.
pub trait Classify {
    /// The verdict on the attempt that ended in this error.
    fn verdict(&self) -> Verdict;
}

/// Why [`run`] gave up.
#[derive(Debug)]
pub enum GiveUp<E> {
    /// A permanent error, or the last allowed attempt failed.
    Failed(E),
    /// The server asked for a wait that the budget does not hold: come back after it.
    Later {
        /// The wait, counted from now.
        after: Duration,
        /// The error that carried it.
        error: E,
    },
}

/// Runs `attempt` under `policy` within `budget`; `on_retry` hears of each retry.
pub async fn run<T, E, F, R>(
    policy: RetryPolicy,
    budget: Budget,
    mut attempt: F,
    on_retry: impl Fn(),
) -> Result<T, GiveUp<E>>
where
    E: Classify,
    F: FnMut() -> R,
    R: Future<Output = Result<T, E>>,
{
    let mut tried = 0;
    loop {
        tried += 1;
        let error = match attempt().await {
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        let Verdict::Transient(retry_after) = error.verdict() else {
            return Err(GiveUp::Failed(error));
        };
        if let Some(after) = retry_after
            && after >= budget.remaining()
        {
            return Err(GiveUp::Later { after, error });
        }
        let wait = policy.delay(tried, retry_after, rand::random::<f64>());
        if tried >= policy.attempts || wait >= budget.remaining() {
            return Err(GiveUp::Failed(error));
        }
        on_retry();
        tokio::time::sleep(wait).await;
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    const fn secs(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    #[rstest]
    #[case("120", Some(120))]
    #[case(" 1.2 ", Some(2))]
    #[case("0", None)]
    #[case("-3", None)]
    #[case("NaN", None)]
    #[case("inf", None)]
    #[case("1e300", Some(86_400))]
    #[case("soon", None)]
    #[case("Thu, 01 Jan 1970 00:16:50 GMT", Some(10))]
    #[case("Thu, 01 Jan 1970 00:16:30 GMT", None)]
    fn reads_retry_after(#[case] value: &str, #[case] expected: Option<u64>) {
        let now = SystemTime::UNIX_EPOCH + secs(1000);
        assert_eq!(parse_retry_after(value, now), expected.map(secs));
    }

    #[rstest]
    #[case(1, None, 0.5, 1000)]
    #[case(2, None, 0.5, 2000)]
    #[case(3, None, 0.5, 4000)]
    #[case(4, None, 0.5, 8000)]
    #[case(5, None, 0.5, 15_000)]
    #[case(60, None, 0.5, 15_000)]
    #[case(1, None, 0.0, 800)]
    #[case(1, None, 1.0, 1200)]
    #[case(1, Some(40), 0.0, 40_000)]
    #[case(1, Some(40), 1.0, 40_200)]
    #[case(2, Some(0), 0.5, 2000)]
    fn standard_waits(
        #[case] retry: u32,
        #[case] retry_after: Option<u64>,
        #[case] unit: f64,
        #[case] millis: u128,
    ) {
        let wait = RetryPolicy::STANDARD.delay(retry, retry_after.map(secs), unit);
        assert_eq!(wait.as_millis(), millis);
    }

    proptest! {
        #[test]
        fn a_wait_stays_in_its_spread_and_above_retry_after(
            retry in 0u32..200, unit in 0.0f64..=1.0, after in proptest::option::of(1u64..100_000),
        ) {
            let wait = RetryPolicy::STANDARD.delay(retry, after.map(secs), unit);
            match after {
                Some(after) => prop_assert!(wait >= secs(after) && wait <= secs(after + 3)),
                None => prop_assert!(wait >= Duration::from_millis(800) && wait <= secs(18)),
            }
        }
    }

    #[derive(Debug, PartialEq)]
    struct Oops(Verdict);
    impl Classify for Oops {
        fn verdict(&self) -> Verdict {
            self.0
        }
    }

    async fn attempts_until_given_up(
        verdict: Verdict,
        budget: Duration,
    ) -> (u32, GiveUp<Oops>, Duration) {
        let tried = Cell::new(0);
        let begun = tokio::time::Instant::now();
        let outcome = run(
            RetryPolicy::STANDARD,
            Budget::start(budget),
            || {
                tried.set(tried.get() + 1);
                async { Err::<(), _>(Oops(verdict)) }
            },
            || {},
        )
        .await;
        (tried.get(), outcome.unwrap_err(), begun.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn a_transient_error_is_tried_three_times() {
        let (tried, gave_up, took) =
            attempts_until_given_up(Verdict::Transient(None), secs(100)).await;
        assert_eq!(tried, 3);
        assert!(matches!(gave_up, GiveUp::Failed(_)));
        assert!(took >= Duration::from_millis(2400) && took <= Duration::from_millis(3700));
    }

    #[tokio::test(start_paused = true)]
    async fn a_permanent_error_is_tried_once() {
        let (tried, gave_up, took) = attempts_until_given_up(Verdict::Permanent, secs(100)).await;
        assert_eq!((tried, took), (1, Duration::ZERO));
        assert!(matches!(gave_up, GiveUp::Failed(_)));
    }

    #[tokio::test(start_paused = true)]
    async fn retry_after_is_waited_for_when_the_budget_holds_it() {
        let (tried, _, took) =
            attempts_until_given_up(Verdict::Transient(Some(secs(30))), secs(100)).await;
        assert_eq!(tried, 3);
        assert!(took >= secs(60));
    }

    #[tokio::test(start_paused = true)]
    async fn retry_after_beyond_the_budget_is_handed_back_at_once() {
        let (tried, gave_up, took) =
            attempts_until_given_up(Verdict::Transient(Some(secs(300))), secs(100)).await;
        assert_eq!((tried, took), (1, Duration::ZERO));
        assert!(matches!(gave_up, GiveUp::Later { after, .. } if after == secs(300)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_that_outlasts_the_budget_is_not_begun() {
        let (tried, _, took) =
            attempts_until_given_up(Verdict::Transient(None), Duration::from_millis(500)).await;
        assert_eq!((tried, took), (1, Duration::ZERO));
    }
}
