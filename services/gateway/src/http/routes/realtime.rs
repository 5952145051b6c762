use crate::http::realtime::{pusher, stream, tickets};
use crate::http::route::{Access, Route};
use utoipa::OpenApi;
use vigie_identity::Guard;

const REALTIME: Access = Access::Needs(&[Guard::parse("realtime.auth")]);
const USERS: Access = Access::User(&[Guard::parse("realtime.auth")]);
const TEST: Access = Access::Needs(&[Guard::parse("realtime.test")]);
const REALTIME_OR_TICKET: Access = Access::Ticket(&[Guard::parse("realtime.auth")]);

#[derive(OpenApi)]
#[openapi(paths(
    stream::stream,
    tickets::issue,
    pusher::auth::authorize,
    pusher::test::publish,
    pusher::user::sign_in
))]
pub(super) struct Described;

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/api/realtime/stream", REALTIME_OR_TICKET, stream::stream),
        Route::post("/api/realtime/tickets", REALTIME, tickets::issue),
        Route::post("/api/realtime/pusher/auth", USERS, pusher::auth::authorize).with_forms(),
        Route::post(
            "/api/realtime/pusher/user-auth",
            USERS,
            pusher::user::sign_in,
        )
        .with_forms(),
        Route::post("/api/realtime/pusher/test", TEST, pusher::test::publish),
    ]
}
