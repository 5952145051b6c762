//! Integration tests of auth, through its gRPC port, on a real Postgres.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod accounts;
mod admin;
mod backoff;
mod keys;
mod machines;
mod passwords;
mod rotation;
mod sessions;
mod support;
mod sweeper;
mod tickets;
