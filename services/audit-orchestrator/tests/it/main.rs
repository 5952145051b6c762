//! Tests of the workflow on a real Postgres and a real broker.

mod failures;
mod lists;
mod runs;
mod steps;
mod views;
mod watchdog;
mod world;
