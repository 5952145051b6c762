//! Sessions and the caller's own account (identity.md 2.2, 2.7).

pub(super) mod account;
mod cookie;
pub(super) mod session;
