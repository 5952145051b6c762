//! The CRM gateway: sales lists, fiche details, users, groups, health and the recordings' audio.
//!
//! What it holds is a function of the date (see [`seed`]), so it needs no storage and says the same
//! after a restart. Besides the generic faults it knows those of [`fault`].

pub mod fault;
mod http;
mod payload;
pub mod seed;
#[cfg(test)]
mod tests;

use axum::Router;
use chrono::NaiveDate;
use secrecy::SecretString;

pub use http::error_body;
pub use seed::{Bulk, BulkError, Fiche, Recording, seed};

use crate::faults::Faults;

/// How the CRM simulator is set up.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Address clients reach it at, without trailing slash; recording URLs start with it when a
    /// request names no host.
    pub public_url: String,
    /// Bearer token to require, if any.
    pub token: Option<SecretString>,
    /// The day taken for today; the clock's (UTC) when absent.
    pub today: Option<NaiveDate>,
    /// Fiches for load tests, besides the seeded ones.
    pub bulk: Option<Bulk>,
}

/// The routes of the CRM, under its faults.
pub fn router(options: Options, faults: &Faults) -> Router {
    faults.guard(http::routes(options))
}
