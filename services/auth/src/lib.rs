//! Accounts, sessions and tokens. The only service that signs: it holds the private keys, publishes
//! the public ones, and gives the other services their internal tokens.
//!
//! Must never: return or log a password, a stored hash or a private key; let a refresh token work
//! twice.

pub mod app;
pub mod config;
pub mod domain;
pub mod keys;
pub mod revocation;
pub mod rpc;
pub mod store;
pub mod sweeper;
