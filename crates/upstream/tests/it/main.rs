//! The clients against scripted servers.

#![expect(clippy::unwrap_used, reason = "a failing helper fails its test")]

mod crm;
mod crm_fixture;
mod download;
mod llm;
mod network;
mod speech;
mod trace;
