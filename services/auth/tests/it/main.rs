//! Integration tests of auth, through its gRPC port, on a real Postgres.

mod keys;
mod machines;
mod sessions;
mod support;
mod tickets;
