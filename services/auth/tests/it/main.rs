//! Integration tests of auth, through its gRPC port, on a real Postgres.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod admin;
mod keys;
mod machines;
mod sessions;
mod support;
mod tickets;
