//! What the other crates' tests stand on.

#![expect(clippy::unwrap_used, reason = "tests stop where they fail")]

mod access;
mod configuration;
mod fiches;
mod keys;
mod observability;
mod servers;
mod spine;
mod stack;
