//! The CRM gateway.

use axum::Router;
use secrecy::SecretString;

use crate::faults::Faults;

/// How the CRM simulator is set up.
#[derive(Debug, Clone)]
pub struct Options {
    /// Address clients reach it at, without trailing slash; recording URLs start with it.
    pub public_url: String,
    /// Bearer token to require, if any.
    pub token: Option<SecretString>,
}

/// The routes of the CRM, under its faults.
pub fn router(_options: Options, faults: &Faults) -> Router {
    faults.guard(Router::new())
}
