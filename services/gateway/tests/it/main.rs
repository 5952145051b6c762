//! The gateway through its door, against services that the tests script and a real broker.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod access;
mod bodies;
mod compose;
mod errors;
mod live;
mod services;
mod sessions;
mod support;
mod transcriptions;
mod world;
