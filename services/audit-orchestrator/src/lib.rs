//! Runs audits from the request to the scorecard, and answers everything about them.
//!
//! It owns audits, configurations and results. It judges nothing itself: steps are analysed by
//! step-analyzer and scored by the pure functions of `vigie_scorecard`. It never calls a model,
//! never waits for another service inside a transaction, and keeps nothing in memory that it could
//! not do without.

pub mod app;
pub mod config;
pub mod domain;
pub mod events;
pub mod neighbours;
pub mod rpc;
pub mod seeds;
pub mod store;
pub mod sweeper;
pub mod workflow;
