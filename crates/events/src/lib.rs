//! Every message on the bus: its payload, its subject and its deterministic id, one file a domain.
//!
//! A message type is one struct that knows its own name, kind and entity; the id formula stands
//! beside the payload and nowhere else. Nothing here sends or receives: that is the bus crate.
//! Payload fields are the contract of `events-and-config.md` D and E: they only ever grow by
//! optional fields.

pub mod asyncapi;
pub mod audit;
pub mod auth;
pub mod automation;
pub mod automation_request;
pub mod batch;
pub mod config;
pub mod fiche;
pub mod fiche_jobs;
pub mod ids;
mod lane;
mod message;
pub mod ops;
pub mod realtime;
pub mod rerun;
mod subject;
pub mod transcription;

pub use lane::Lane;
pub use message::{Event, Kind, Message, MessageId};
pub use subject::{encode_token, event_subject_filter, work_subject_filter};
