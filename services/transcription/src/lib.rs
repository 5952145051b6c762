//! Transcripts of call recordings: plans a run for a fiche, has each recording transcribed by a
//! speech provider, keeps transcript, words and chunks, and tells how the run ended. A run lives in
//! Postgres and is driven by messages only; any replica may die at any instruction.
//!
//! Must never: log or publish a transcript or the address of a recording, pay twice for a recording
//! whose result is stored, or leave a run without an end.

pub mod app;
pub mod config;
pub mod domain;
pub mod events;
pub mod neighbours;
pub mod rpc;
pub mod speech;
pub mod store;
pub mod sweeper;
pub mod workflow;
