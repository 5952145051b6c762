//! Names of account statuses.

use crate::domain::session::UserStatus;

/// The name of a status in requests and responses.
pub const fn name(status: UserStatus) -> &'static str {
    match status {
        UserStatus::Invited => "INVITED",
        UserStatus::Active => "ACTIVE",
        UserStatus::Disabled => "DISABLED",
    }
}

/// Reads a status by its name.
pub fn parse(text: &str) -> Option<UserStatus> {
    [
        UserStatus::Invited,
        UserStatus::Active,
        UserStatus::Disabled,
    ]
    .into_iter()
    .find(|status| name(*status) == text)
}
