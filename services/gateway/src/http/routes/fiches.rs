use crate::http::route::{Access, Route};
use crate::http::{fiches, recordings};
use utoipa::OpenApi;
use vigie_identity::Guard;

const FICHES: Access = Access::Needs(&[Guard::parse("fiches.read")]);
const RECORDINGS: Access = Access::Needs(&[Guard::parse("recordings.read")]);

#[derive(OpenApi)]
#[openapi(paths(fiches::search, fiches::by_date, fiches::detail, recordings::list))]
pub(super) struct Described;

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/api/fiches/search", FICHES, fiches::search),
        Route::get("/api/fiches/status/by-date", FICHES, fiches::by_date),
        Route::get("/api/fiches/{fiche_id}", FICHES, fiches::detail),
        Route::get("/api/recordings/{fiche_id}", RECORDINGS, recordings::list),
    ]
}
