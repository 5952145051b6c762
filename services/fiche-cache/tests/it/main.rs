//! The fiche cache on a real Postgres, a real NATS and the CRM simulator.

mod fetch;
mod get_fiche;
mod lists;
mod recordings;
mod summaries;
mod support;
