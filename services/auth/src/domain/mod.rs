//! Types and rules of accounts and sessions.

pub mod email;
pub mod machine;
pub mod password;
pub mod sealed;
pub mod secret;
pub mod session;
