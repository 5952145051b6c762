//! What all replicas that ask the gateway agree on: how many calls may be under way, and whether any.

use std::any::Any;
use std::fmt::Debug;
use std::pin::Pin;
use std::time::Duration;

/// A kind of call with a cap of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Turn {
    /// One fiche.
    Fiche,
    /// A list of sales.
    Sales,
    /// Users and groups; without cap.
    Directory,
}

impl Turn {
    /// Its name in metrics and tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fiche => "fiche",
            Self::Sales => "sales",
            Self::Directory => "directory",
        }
    }
}

/// Why a call must not be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// The token was refused with this status: every call would fail.
    Auth(u16),
    /// The gateway keeps failing; the pause has this long to go.
    Failing(Duration),
    /// No turn came in time.
    NoTurn,
}

/// What an operation tells about the gateway's health.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    /// It answered.
    Healthy,
    /// It did not, or with a server error.
    Failing,
    /// It refused the token with this status.
    Auth(u16),
    /// Says nothing either way.
    Neutral,
}

/// The right to call; dropping it gives the turn back.
pub type Pass = Box<dyn Any + Send>;

/// A future of a gate.
pub type GateFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Caps and circuit breaker that hold beyond this process.
pub trait CrmGate: Debug + Send + Sync {
    /// Waits for a turn, at most this long. `judged` is false for a token that is not the platform's:
    /// the breaker does not apply to it.
    fn enter(
        &self,
        turn: Turn,
        judged: bool,
        within: Duration,
    ) -> GateFuture<'_, Result<Pass, Refused>>;

    /// Gives the turn back, and takes note of how a judged operation ended. A pass that is dropped
    /// instead gives its turn back too, a little later.
    fn leave(&self, pass: Pass, sign: Option<Sign>) -> GateFuture<'_, ()>;
}
