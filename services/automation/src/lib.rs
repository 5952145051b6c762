//! Schedules and their runs: selects fiches and has each fetched, transcribed and audited.
//!
//! A run is rows: one a run, one a fiche with its own small state machine, moved on by facts that
//! carry the ids of their commands. It does none of the work itself, holds nothing in memory that
//! it could not do without, waits for nobody inside a transaction, and never polls: a sweeper
//! looks after deadlines and lost messages.

pub mod app;
pub mod config;
pub mod domain;
pub mod events;
pub mod neighbours;
pub mod rpc;
pub mod store;
pub mod sweeper;
pub mod workflow;
