//! Ends tokens that are already out: every verifier is told, and who missed it can ask
//! (`events-and-config.md` D6).

use crate::store::{admins, changes};
use sqlx::PgConnection;
use uuid::Uuid;
use vigie_bus::{OutboxError, outbox};
use vigie_events::auth::{PrincipalChange, PrincipalChanged};
use vigie_events::ids::UserId;

/// The end of single sessions, told when the transaction commits: the version stays, the user's
/// other tokens go on.
pub async fn end_sessions(
    tx: &mut PgConnection,
    (user, version): (i64, i64),
    sessions: &[Uuid],
    reason: PrincipalChange,
) -> Result<(), OutboxError> {
    let changes: Vec<_> = sessions
        .iter()
        .map(|sid| PrincipalChanged {
            user_id: UserId::new(user),
            version,
            sid: Some(sid.to_string()),
            reason,
        })
        .collect();
    if changes.is_empty() {
        return Ok(());
    }
    changes::record(tx, &changes).await?;
    let messages: Vec<_> = changes.into_iter().map(PrincipalChanged::message).collect();
    outbox::send_all(tx, &messages).await
}

/// The end of every token of a user: a new version, told when the transaction commits.
pub async fn end_all(
    tx: &mut PgConnection,
    user: i64,
    reason: PrincipalChange,
) -> Result<(), OutboxError> {
    let versions = admins::bump(tx, &[user], changes::name(reason)).await?;
    let messages: Vec<_> = versions
        .into_iter()
        .map(|(user, version)| {
            let change = PrincipalChanged {
                user_id: UserId::new(user),
                version,
                sid: None,
                reason,
            };
            change.message()
        })
        .collect();
    outbox::send_all(tx, &messages).await
}
