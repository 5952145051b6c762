//! Services started on free ports, called as in production.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod channel;
mod end_to_end;
mod fake;
mod http;
mod infra;
mod process;
mod revocations;
mod shutdown;
