//! Tests of the workflow on a real Postgres and a real broker, with a scripted fiche cache and the
//! speech simulator.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "the functions beside the tests may fail like a test"
)]

mod batches;
mod callers;
mod faults;
mod fiches;
mod flow;
mod joins;
mod kills;
mod logs;
mod openai;
mod recordings;
mod replicas;
mod rpcs;
mod runs;
mod spend;
mod sweeps;
mod world;
