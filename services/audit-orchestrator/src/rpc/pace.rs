//! Refuses people who ask for audits too often. Automation and machines have budgets of their own.

use crate::app::AppState;
use crate::store;
use sqlx::PgConnection;
use std::time::Duration;
use vigie_identity::{Caller, Principal};
use vigie_service::{ErrorCode, Extras, RETRY_AFTER_SECONDS};

/// Asked too often.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Too many audits asked for, try again later")]
pub struct TooFast {
    wait: Duration,
}

impl TooFast {
    /// Its class.
    pub const CODE: ErrorCode = ErrorCode::RateLimited;

    /// When to come back, rounded up, for `Retry-After`.
    pub fn extras(self) -> Extras {
        let seconds = self.wait.as_secs() + u64::from(self.wait.subsec_nanos() > 0);
        Extras::from_iter([(RETRY_AFTER_SECONDS.to_owned(), seconds.max(1).into())])
    }
}

/// Counts a request of a person (`AUDIT_RUNS_PER_MINUTE`), where the transaction commits. The first
/// thing that it does with rows.
pub(super) async fn admit<E>(
    tx: &mut PgConnection,
    state: &AppState,
    caller: &Caller,
) -> Result<(), E>
where
    E: From<TooFast> + From<sqlx::Error>,
{
    let user = caller.principal.as_deref().and_then(Principal::user_id);
    let Some((user, pace)) = user.zip(state.workflow.settings().pace) else {
        return Ok(());
    };
    let Some(wait) = store::pace::take(tx, user, pace).await? else {
        return Ok(());
    };
    metrics::counter!("audit.too_fast").increment(1);
    tracing::warn!(user.id = %user, "asked for audits too often");
    Err(TooFast { wait }.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_comes_back_when_told_is_let_in() {
        for (millis, seconds) in [(0, 1), (1, 1), (1000, 1), (1001, 2), (59_999, 60)] {
            let wait = Duration::from_millis(millis);
            let extras = TooFast { wait }.extras();
            assert_eq!(extras[RETRY_AFTER_SECONDS], seconds, "{millis}");
        }
    }
}
