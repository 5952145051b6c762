//! Types and rules of accounts and sessions.

pub mod admin;
pub mod email;
pub mod machine;
pub mod password;
pub mod secret;
pub mod session;

pub use vigie_sealed as sealed;
