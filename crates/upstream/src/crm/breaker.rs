//! Stops asking a gateway that cannot answer.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::gate::Sign;

/// How long nobody asks after a refused token: the next calls would fail too.
const AUTH_PAUSE: Duration = Duration::from_secs(30);
/// How long nobody asks after sustained server errors.
const FAILURE_PAUSE: Duration = Duration::from_secs(15);
/// Failed operations in a row that count as sustained.
const SUSTAINED: u32 = 5;

/// Why calls are suspended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Open {
    /// The token was refused with this status.
    Auth(u16),
    /// The gateway keeps failing; the pause has this long to go.
    Failing(Duration),
}

#[derive(Debug, Default)]
pub(super) struct Breaker {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    failures: u32,
    open: Option<(Instant, Option<u16>)>,
}

impl Breaker {
    /// Why the next call must not be made, if so. After a pause calls are let through; the first sign decides.
    pub(super) fn check(&self) -> Option<Open> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (until, auth) = state.open?;
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return None;
        }
        Some(auth.map_or(Open::Failing(left), Open::Auth))
    }

    pub(super) fn note(&self, sign: Sign) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match sign {
            Sign::Healthy => *state = State::default(),
            Sign::Auth(status) => state.open = Some((Instant::now() + AUTH_PAUSE, Some(status))),
            Sign::Failing => {
                state.failures = state.failures.saturating_add(1);
                if state.failures >= SUSTAINED {
                    state.open = Some((Instant::now() + FAILURE_PAUSE, None));
                }
            }
            Sign::Neutral => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn sustained_failures_suspend_calls_for_a_while() {
        let breaker = Breaker::default();
        for _ in 0..4 {
            breaker.note(Sign::Failing);
        }
        assert_eq!(breaker.check(), None);
        breaker.note(Sign::Failing);
        assert_eq!(breaker.check(), Some(Open::Failing(FAILURE_PAUSE)));
        tokio::time::advance(FAILURE_PAUSE).await;
        assert_eq!(breaker.check(), None);
        breaker.note(Sign::Failing);
        assert!(
            breaker.check().is_some(),
            "one more failure suspends at once"
        );
        breaker.note(Sign::Healthy);
        assert_eq!(breaker.check(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_refused_token_suspends_at_once() {
        let breaker = Breaker::default();
        breaker.note(Sign::Auth(401));
        assert_eq!(breaker.check(), Some(Open::Auth(401)));
        tokio::time::advance(AUTH_PAUSE).await;
        assert_eq!(breaker.check(), None);
    }
}
