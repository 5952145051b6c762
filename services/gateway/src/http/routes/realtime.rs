use crate::http::realtime::{stream, tickets};
use crate::http::route::{Access, Route};
use utoipa::OpenApi;
use vigie_identity::Guard;

const REALTIME: Access = Access::Needs(&[Guard::parse("realtime.auth")]);
const REALTIME_OR_TICKET: Access = Access::Ticket(&[Guard::parse("realtime.auth")]);

#[derive(OpenApi)]
#[openapi(paths(stream::stream, tickets::issue))]
pub(super) struct Described;

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/api/realtime/stream", REALTIME_OR_TICKET, stream::stream),
        Route::post("/api/realtime/tickets", REALTIME, tickets::issue),
    ]
}
