//! All SQL of auth, one file an aggregate.

pub mod accounts;
pub mod admins;
pub mod attempts;
pub mod changes;
pub mod keys;
pub mod links;
pub mod purge;
pub mod redeemed;
pub mod roles;
pub mod service_tokens;
pub mod sessions;
pub mod teams;
pub mod tickets;
pub mod trail;
pub mod users;
