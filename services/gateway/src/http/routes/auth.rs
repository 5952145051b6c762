use crate::http::auth::{account, session};
use crate::http::route::{
    Access::{self, Account, Public},
    Route,
};
use utoipa::OpenApi;

/// Whose account it is needs no permission.
const OWN: Access = Access::User(&[]);

#[derive(OpenApi)]
#[openapi(paths(
    session::login,
    session::refresh,
    session::logout,
    session::me,
    account::accept_invite,
    account::reset_password,
    account::change_password,
    account::sessions,
    account::revoke_session,
    account::logout_all
))]
pub(super) struct Described;

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::post("/api/auth/login", Public, session::login),
        Route::post("/api/auth/refresh", Public, session::refresh),
        Route::post("/api/auth/logout", Public, session::logout),
        Route::post("/api/auth/invite/accept", Public, account::accept_invite),
        Route::post("/api/auth/password/reset", Public, account::reset_password),
        Route::get("/api/auth/me", Account, session::me),
        Route::post("/api/auth/password", OWN, account::change_password),
        Route::get("/api/auth/sessions", OWN, account::sessions),
        Route::delete("/api/auth/sessions/{sid}", OWN, account::revoke_session),
        Route::post("/api/auth/logout-all", OWN, account::logout_all),
    ]
}
