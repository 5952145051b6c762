use crate::http::maintenance;
use crate::http::route::{Access, Route};
use utoipa::OpenApi;
use vigie_identity::Guard;

const FICHES: Access = Access::Needs(&[Guard::parse("fiches.write")]);
/// As the trail of administration.
const TRAIL: Access = Access::Needs(&[Guard::parse("admin.users.read")]);
const AUDITS: Access = Access::Needs(&[Guard::parse("audits.write")]);

#[derive(OpenApi)]
#[openapi(paths(
    maintenance::accesses,
    maintenance::backfill,
    maintenance::inspect,
    maintenance::rebuild,
    maintenance::reseal
))]
pub(super) struct Described;

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::post("/api/fiches/backfill", FICHES, maintenance::backfill),
        Route::post("/api/fiches/reseal", FICHES, maintenance::reseal),
        Route::get(
            "/api/fiches/{fiche_id}/accesses",
            TRAIL,
            maintenance::accesses,
        ),
        Route::get(
            "/api/fiches/{fiche_id}/inspect",
            FICHES,
            maintenance::inspect,
        ),
        Route::post(
            "/api/audits/projection/rebuild",
            AUDITS,
            maintenance::rebuild,
        ),
    ]
}
