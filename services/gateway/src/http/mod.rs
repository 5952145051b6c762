//! The HTTP door.

mod admin;
mod audit_batches;
mod audit_changes;
mod audit_configs;
mod audit_groups;
mod audit_run;
mod audit_story;
mod audits;
mod auth;
mod automation;
mod docs;
pub mod edge;
pub mod failure;
mod fiche_jobs;
mod fiche_rows;
mod fiche_sales;
mod fiche_webhooks;
mod fiches;
mod fiches_status;
mod fields;
mod health;
mod links;
mod maintenance;
mod openapi;
mod realtime;
mod recording_audio;
mod recordings;
mod reply;
mod rescore;
mod reviews;
pub mod route;
pub mod routes;
mod transcription_batches;
mod transcription_logs;
mod transcriptions;

use crate::app::AppState;
use crate::domain::ids;
use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{from_fn, from_fn_with_state};
use edge::Gate;
use failure::Failure;
use vigie_service::ErrorCode;

pub use openapi::document as openapi_document;
pub use recording_audio::Recordings;

/// The whole public surface.
pub fn router(state: AppState) -> Router {
    let mut router = Router::new();
    for route in routes::table() {
        let gate = Gate {
            state: state.clone(),
            access: route.access,
            takes_forms: route.takes_forms,
        };
        let handler = route
            .handler
            .route_layer(from_fn_with_state(gate, edge::admit));
        router = router.route(route.path, handler);
    }
    router
        .fallback(unknown)
        .method_not_allowed_fallback(wrong_method)
        // Layers wrap what stands above them, so the last is the outermost.
        .layer(from_fn(edge::refuse_tricks))
        .layer(from_fn_with_state(state.clone(), edge::cors))
        .layer(from_fn_with_state(state.clone(), edge::finish))
        .with_state(state)
}

async fn unknown(State(state): State<AppState>, mut request: Request) -> Failure {
    match edge::admit_nowhere(&state, &mut request).await {
        Ok(()) => no_such_route(request.uri()),
        Err(failure) => failure,
    }
}

async fn wrong_method(State(state): State<AppState>, mut request: Request) -> Failure {
    match edge::admit_nowhere(&state, &mut request).await {
        Ok(()) => {
            let message = format!("Method {} is not allowed here", request.method());
            Failure::new(ErrorCode::MethodNotAllowed, message)
        }
        Err(failure) => failure,
    }
}

/// What an unknown path gets, and one whose parameter cannot be one.
fn no_such_route(uri: &axum::http::Uri) -> Failure {
    let asked = uri.path_and_query().map_or("/", |asked| asked.as_str());
    Failure::new(
        ErrorCode::NotFound,
        format!("Route with ID '{asked}' not found"),
    )
}

/// A fiche's id in a path: digits, else there is no such route.
fn fiche_id(text: String, uri: &axum::http::Uri) -> Result<String, Failure> {
    if ids::is_digits(&text) {
        Ok(text)
    } else {
        Err(no_such_route(uri))
    }
}
