use crate::http::route::{Access::Public, Route};
use crate::http::{auth, docs, health};
use utoipa::OpenApi;

#[derive(OpenApi)]
#[openapi(paths(
    health::health,
    health::ready,
    auth::session::jwks,
    docs::page,
    docs::document
))]
pub(super) struct Described;

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/health", Public, health::health),
        Route::get("/ready", Public, health::ready),
        Route::get("/.well-known/jwks.json", Public, auth::session::jwks),
        Route::get("/api-docs", Public, docs::page),
        Route::get("/api-docs.json", Public, docs::document),
    ]
}
