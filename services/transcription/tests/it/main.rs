//! Tests of the workflow on a real Postgres and a real broker, with a scripted fiche cache and the
//! speech simulator.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "the functions beside the tests may fail like a test"
)]

mod fiches;
mod flow;
mod recordings;
mod rpcs;
mod runs;
mod sweeps;
mod world;
