use crate::http::route::{Access, Route};
use crate::http::{fiche_sales, fiches, fiches_status, recording_audio, recordings};
use utoipa::OpenApi;
use vigie_identity::Guard;

const FICHES: Access = Access::Needs(&[Guard::parse("fiches.read")]);
const RECORDINGS: Access = Access::Needs(&[Guard::parse("recordings.read")]);

#[derive(OpenApi)]
#[openapi(paths(
    fiche_sales::search,
    fiches::by_date,
    fiches::detail,
    fiches_status::batch,
    fiches_status::cache,
    fiches_status::status,
    recordings::list,
    recording_audio::listen
))]
pub(super) struct Described;

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/api/fiches/search", FICHES, fiche_sales::search),
        Route::get("/api/fiches/status/by-date", FICHES, fiches::by_date),
        Route::post("/api/fiches/status/batch", FICHES, fiches_status::batch),
        Route::get("/api/fiches/{fiche_id}", FICHES, fiches::detail),
        Route::get("/api/fiches/{fiche_id}/cache", FICHES, fiches_status::cache),
        Route::get(
            "/api/fiches/{fiche_id}/status",
            FICHES,
            fiches_status::status,
        ),
        Route::get("/api/recordings/{fiche_id}", RECORDINGS, recordings::list),
        // The link is the permission: players send no tokens.
        Route::get(
            "/api/recordings/audio/{link}",
            Access::Public,
            recording_audio::listen,
        ),
    ]
}
