//! Failures that are the database's and not the message's.

use super::lane::LaneRuntime;
use super::{Failure, backoff};
use std::error::Error;
use std::sync::atomic::Ordering;

/// Whether the database broke the transaction off for the sake of another one.
pub(super) fn broken_off(error: &(dyn Error + 'static)) -> bool {
    cause(error).is_some_and(|cause| matches!(code(cause).as_deref(), Some("40001" | "40P01")))
}

/// No transaction could be opened, for whatever reason.
#[derive(Debug, thiserror::Error)]
#[error("no database")]
struct NoTransaction(#[source] sqlx::Error);

/// What the bus makes of a transaction that it could not open.
pub(super) fn lost(error: sqlx::Error) -> Failure {
    Failure::retry(NoTransaction(error))
}

/// Whether there was no database to ask: no connection, or one that was cut.
pub(super) fn unavailable(error: &(dyn Error + 'static)) -> bool {
    if error.is::<NoTransaction>() {
        return true;
    }
    cause(error).is_some_and(|cause| {
        matches!(
            cause,
            sqlx::Error::Io(_)
                | sqlx::Error::Tls(_)
                | sqlx::Error::PoolTimedOut
                | sqlx::Error::PoolClosed
                | sqlx::Error::WorkerCrashed
        ) || code(cause).is_some_and(|code| {
            // Connection exceptions, too many connections, shutdown and start-up.
            code.starts_with("08") || code == "53300" || code.starts_with("57P")
        })
    })
}

fn code(error: &sqlx::Error) -> Option<String> {
    error.as_database_error()?.code().map(Into::into)
}

/// The database's error among the causes.
fn cause<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a sqlx::Error> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        next = error.source();
    }
    None
}

/// After a message found no database: wait for it with a free hand. Pulling on would burn the
/// attempts of one message after the other.
pub(super) async fn wait_until_back(lane: &LaneRuntime) {
    let Some(db) = &lane.db else { return };
    let mut failures = 0;
    while lane.database_lost.load(Ordering::Relaxed) && !lane.stop.is_cancelled() {
        failures += 1;
        tokio::select! {
            () = lane.stop.cancelled() => return,
            () = tokio::time::sleep(backoff::reconnect(failures)) => {}
        }
        match db.acquire().await {
            Ok(_alive) => lane.database_lost.store(false, Ordering::Relaxed),
            Err(error) => {
                tracing::warn!(consumer = %lane.name, failures, %error, "waiting for the database");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("cannot store")]
    struct Wrapped(#[source] sqlx::Error);

    #[test]
    fn the_database_is_found_among_the_causes() {
        let timed_out = Wrapped(sqlx::Error::PoolTimedOut);
        assert!(unavailable(&timed_out));
        assert!(!broken_off(&timed_out));
        assert!(!unavailable(&Wrapped(sqlx::Error::RowNotFound)));
        assert!(!unavailable(&std::fmt::Error));
        assert!(unavailable(lost(sqlx::Error::RowNotFound).error()));
    }
}
