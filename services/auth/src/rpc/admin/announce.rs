//! Tells every service that tokens already issued must be refused (`events-and-config.md` D6).

use super::AdminError;
use crate::store::admins;
use vigie_bus::{Tx, outbox};
use vigie_events::auth::PrincipalChanged;
use vigie_events::ids::UserId;

pub use vigie_events::auth::PrincipalChange as Reason;

/// Gives users a new version and says so, when the transaction commits.
pub async fn changed(tx: &mut Tx, users: &[i64], reason: Reason) -> Result<(), AdminError> {
    let versions = admins::bump(tx, users, name(reason)).await?;
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
    Ok(outbox::send_all(tx, &messages).await?)
}

/// The reason as messages name it.
const fn name(reason: Reason) -> &'static str {
    match reason {
        Reason::Disabled => "disabled",
        Reason::Password => "password",
        Reason::Roles => "roles",
        Reason::Teams => "teams",
        Reason::Logout => "logout",
        Reason::Reuse => "reuse",
    }
}
