//! Behaviour of the crate through its public API.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod fixture;
mod grpc;
mod internal_tokens;
mod keys;
mod revocations;
mod scope;
mod tokens;
