//! The gateway through its door, against services that the tests script and a real broker.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod access;
mod account;
mod admin;
mod audit_batches;
mod audits;
mod bodies;
mod bridge;
mod compose;
mod edge;
mod errors;
mod fiche_jobs;
mod fiche_status;
mod links;
mod live;
mod maintenance;
mod pusher;
mod reviews;
mod services;
mod sessions;
mod support;
mod transcriptions;
mod world;
