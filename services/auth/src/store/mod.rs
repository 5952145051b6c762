//! All SQL of auth, one file an aggregate.

pub mod keys;
pub mod sessions;
pub mod tickets;
pub mod trail;
pub mod users;
