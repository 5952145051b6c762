//! Tests of the workflow on a real Postgres and a real broker.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "the functions beside the tests may fail like a test"
)]

mod batches;
mod callers;
mod catalogue;
mod decisions;
mod deliveries;
mod facts;
mod failures;
mod filter_model;
mod flow;
mod leases;
mod lists;
mod neighbours;
mod operations;
mod pace;
mod rations;
mod reruns;
mod rescore;
mod rpcs;
mod runs;
mod steps;
mod views;
mod watchdog;
mod world;
