//! The table of all routes, an area a file. What is not here does not exist; who may is said nowhere
//! else.

mod admin;
mod audit_configs;
mod audits;
mod auth;
mod automation;
mod fiche_jobs;
mod fiches;
mod maintenance;
mod realtime;
mod reviews;
mod system;
mod transcriptions;

use super::route::{Asked, Route};
use axum::http::Method;
use utoipa::OpenApi;
use utoipa::openapi::OpenApi as Document;

/// Every route. Static segments win over parameters, whatever the order.
pub fn table() -> Vec<Route> {
    [
        system::routes(),
        auth::routes(),
        admin::routes(),
        fiches::routes(),
        maintenance::routes(),
        fiche_jobs::routes(),
        transcriptions::routes(),
        audits::routes(),
        reviews::routes(),
        audit_configs::routes(),
        automation::routes(),
        realtime::routes(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The descriptions of their handlers.
pub(super) fn described() -> Vec<Document> {
    vec![
        system::Described::openapi(),
        auth::Described::openapi(),
        admin::Described::openapi(),
        fiches::Described::openapi(),
        maintenance::Described::openapi(),
        fiche_jobs::Described::openapi(),
        transcriptions::Described::openapi(),
        audits::Described::openapi(),
        reviews::Described::openapi(),
        audit_configs::Described::openapi(),
        automation::Described::openapi(),
        realtime::Described::openapi(),
    ]
}

/// A route for tools: where, and who.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The method.
    pub method: Method,
    /// The path, parameters in braces.
    pub path: &'static str,
    /// What it asks.
    pub access: Asked,
}

/// Every route without its handler.
pub fn routes() -> Vec<Listed> {
    let routes = table().into_iter();
    let listed = routes.map(|route| Listed {
        method: route.method,
        path: route.path,
        access: route.access.into(),
    });
    listed.collect()
}
