//! The fiche cache on a real Postgres, a real NATS and the CRM simulator.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod directory;
mod fetch;
mod gate;
mod get_fiche;
mod jobs;
mod lists;
mod personal;
mod recordings;
mod sections;
mod starting;
mod summaries;
mod support;
mod wire;
