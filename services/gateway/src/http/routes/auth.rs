use crate::http::auth;
use crate::http::route::{
    Access::{Account, Public},
    Route,
};
use utoipa::OpenApi;

#[derive(OpenApi)]
#[openapi(paths(auth::login, auth::refresh, auth::logout, auth::me))]
pub(super) struct Described;

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::post("/api/auth/login", Public, auth::login),
        Route::post("/api/auth/refresh", Public, auth::refresh),
        Route::post("/api/auth/logout", Public, auth::logout),
        Route::get("/api/auth/me", Account, auth::me),
    ]
}
