//! Tests of the workflow on a real Postgres and a real broker.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "the functions beside the tests may fail like a test"
)]

mod facts;
mod failures;
mod flow;
mod leases;
mod lists;
mod neighbours;
mod rpcs;
mod runs;
mod steps;
mod views;
mod watchdog;
mod world;
