//! When the CRM is left alone: the breaker that all replicas share.

use std::time::Duration;
use vigie_upstream::crm::Sign;

/// How long nobody asks after a refused token: the next calls would fail too.
const AUTH_PAUSE: Duration = Duration::from_secs(30);
/// How long nobody asks after sustained failures; twice as long each time it happens again.
const PAUSE: Duration = Duration::from_secs(15);
const LONGEST_PAUSE: Duration = Duration::from_mins(5);
/// Failed operations in a row that count as sustained.
const SUSTAINED: i32 = 5;

/// Whether calls are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum CircuitState {
    /// As usual.
    Closed,
    /// Not until the pause is over.
    Open,
    /// One, whose end decides.
    HalfOpen,
}

/// What is known of the CRM's health.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Circuit {
    /// Whether calls are made.
    pub state: CircuitState,
    /// Failed operations in a row.
    pub failures: i32,
    /// How often it opened in a row.
    pub opened: i32,
    /// Why it is open, when the token was refused.
    pub auth_status: Option<i32>,
}

/// What follows from an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    /// The breaker from now on.
    pub circuit: Circuit,
    /// How long nobody asks, when it opens.
    pub pause: Option<Duration>,
    /// Why its state changed, when it did.
    pub cause: Option<&'static str>,
}

impl Circuit {
    /// Untouched.
    pub const CLOSED: Self = Self {
        state: CircuitState::Closed,
        failures: 0,
        opened: 0,
        auth_status: None,
    };

    /// What an operation means; `None` when it means nothing. While it is open only old operations
    /// end, begun before it opened: they prove nothing.
    pub fn after(self, sign: Sign) -> Option<Change> {
        match (self.state, sign) {
            (CircuitState::Open, Sign::Healthy | Sign::Failing | Sign::Neutral)
            | (CircuitState::Closed, Sign::Neutral) => None,
            (_, Sign::Auth(status)) => Some(self.open(AUTH_PAUSE, Some(status), "auth")),
            (CircuitState::Closed, Sign::Healthy) => (self != Self::CLOSED).then_some(Change {
                circuit: Self::CLOSED,
                pause: None,
                cause: None,
            }),
            (CircuitState::HalfOpen, Sign::Healthy) => Some(Change {
                circuit: Self::CLOSED,
                pause: None,
                cause: Some("recovered"),
            }),
            // It answers, if not well: one more failure opens it again.
            (CircuitState::HalfOpen, Sign::Neutral) => Some(Change {
                circuit: Self {
                    failures: SUSTAINED - 1,
                    opened: self.opened,
                    ..Self::CLOSED
                },
                pause: None,
                cause: Some("answering"),
            }),
            (CircuitState::Closed, Sign::Failing) if self.failures + 1 < SUSTAINED => {
                Some(Change {
                    circuit: Self {
                        failures: self.failures + 1,
                        ..self
                    },
                    pause: None,
                    cause: None,
                })
            }
            (CircuitState::Closed | CircuitState::HalfOpen, Sign::Failing) => {
                let times = u32::try_from(self.opened).unwrap_or(0).min(8);
                let pause = PAUSE.saturating_mul(1 << times).min(LONGEST_PAUSE);
                Some(self.open(pause, None, "failing"))
            }
        }
    }

    fn open(self, pause: Duration, status: Option<u16>, cause: &'static str) -> Change {
        Change {
            circuit: Self {
                state: CircuitState::Open,
                failures: self.failures.saturating_add(1),
                opened: self.opened.saturating_add(1),
                auth_status: status.map(i32::from),
            },
            pause: Some(pause),
            cause: (self.state != CircuitState::Open).then_some(cause),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(signs: &[Sign]) -> (Circuit, Option<Change>) {
        signs
            .iter()
            .fold((Circuit::CLOSED, None), |(circuit, _), sign| {
                let change = circuit.after(*sign);
                (change.map_or(circuit, |it| it.circuit), change)
            })
    }

    #[test]
    fn sustained_failures_open_it_and_each_time_for_longer() {
        let (circuit, change) = run(&[Sign::Failing; 4]);
        assert_eq!((circuit.state, circuit.failures), (CircuitState::Closed, 4));
        assert_eq!(change.unwrap().cause, None);
        let (circuit, change) = run(&[Sign::Failing; 5]);
        assert_eq!(circuit.state, CircuitState::Open);
        assert_eq!(change.unwrap().pause, Some(PAUSE));
        let probing = Circuit {
            state: CircuitState::HalfOpen,
            ..circuit
        };
        let change = probing.after(Sign::Failing).unwrap();
        assert_eq!(
            (change.pause, change.cause),
            (Some(PAUSE * 2), Some("failing"))
        );
        let worn = Circuit {
            opened: 99,
            ..probing
        };
        assert_eq!(
            worn.after(Sign::Failing).unwrap().pause,
            Some(LONGEST_PAUSE)
        );
    }

    #[test]
    fn an_answer_between_starts_the_count_again() {
        let mut signs = vec![Sign::Failing; 4];
        signs.extend([Sign::Healthy, Sign::Failing, Sign::Neutral]);
        assert_eq!(run(&signs).0.failures, 1);
        assert_eq!(Circuit::CLOSED.after(Sign::Healthy), None);
    }

    #[test]
    fn a_refused_token_opens_it_at_once_and_old_answers_do_not_close_it() {
        let (circuit, change) = run(&[Sign::Auth(401)]);
        assert_eq!(
            (circuit.auth_status, change.unwrap().cause),
            (Some(401), Some("auth"))
        );
        assert_eq!(circuit.after(Sign::Healthy), None);
        let probing = Circuit {
            state: CircuitState::HalfOpen,
            ..circuit
        };
        assert_eq!(
            probing.after(Sign::Healthy).unwrap().circuit,
            Circuit::CLOSED
        );
        let answering = probing.after(Sign::Neutral).unwrap().circuit;
        assert_eq!(
            answering.after(Sign::Failing).unwrap().circuit.state,
            CircuitState::Open
        );
    }
}
