//! Types and rules of accounts and sessions.

pub mod admin;
mod argon;
pub mod attempts;
pub mod email;
pub mod legacy;
pub mod machine;
pub mod password;
pub mod policy;
pub mod secret;
pub mod session;

pub use vigie_sealed as sealed;
