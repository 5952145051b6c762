//! Tests of runs on a real Postgres and a real broker, with other services played by the test.
#![expect(
    clippy::unwrap_used,
    reason = "the functions beside the tests may fail like a test"
)]

mod callers;
mod deadlines;
mod facts;
mod fakes;
mod flow;
mod options;
mod requests;
mod runs;
mod scope;
mod starting;
mod wiped;
mod world;
