//! Fiches of the CRM and their recordings: fetches them when asked, keeps them, and shows each caller
//! what is in scope. The only service that asks the CRM for fiches.
//!
//! Must never: log what a fiche holds, return a fiche that is out of scope, or lose a recording's
//! address that it once had.

pub mod app;
pub mod config;
pub mod crm_gate;
pub mod domain;
pub mod events;
pub mod measures;
pub mod rpc;
pub mod sales;
pub mod store;
pub mod sweeper;
pub mod workflow;
