//! Judges one step of an audit against its control points, with a language model or with the
//! built-in `lexical` engine.
//!
//! Stateless and scaled by the depth of its queue. It owns nothing: what a step is judged by is read
//! from the orchestrator, what it finds is published as `audit/step.analyzed`, and a step whose
//! result is already there is never judged again.

pub mod app;
pub mod config;
pub mod context;
pub mod domain;
pub mod engine;
pub mod events;
pub mod rpc;
