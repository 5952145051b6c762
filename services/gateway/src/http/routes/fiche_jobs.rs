use crate::http::route::{Access, Route};
use crate::http::{fiche_jobs, fiche_webhooks};
use utoipa::OpenApi;
use vigie_identity::Guard;

const READ: Access = Access::Needs(&[Guard::parse("fiches.read")]);
const WRITE: Access = Access::Needs(&[Guard::parse("fiches.write")]);

#[derive(OpenApi)]
#[openapi(paths(
    fiche_jobs::by_date_range,
    fiche_jobs::want_date_range,
    fiche_jobs::poll,
    fiche_jobs::job,
    fiche_jobs::jobs,
    fiche_webhooks::deliveries,
    fiche_webhooks::redeliver,
    fiche_webhooks::destinations,
    fiche_webhooks::enable,
))]
pub(super) struct Described;

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get(
            "/api/fiches/status/by-date-range",
            READ,
            fiche_jobs::by_date_range,
        ),
        Route::post(
            "/api/fiches/status/by-date-range",
            READ,
            fiche_jobs::want_date_range,
        ),
        Route::get("/api/fiches/webhooks/fiches", READ, fiche_jobs::poll),
        Route::get("/api/fiches/jobs", READ, fiche_jobs::jobs),
        Route::get("/api/fiches/jobs/{job_id}", READ, fiche_jobs::job),
        Route::get(
            "/api/fiches/jobs/{job_id}/webhooks",
            READ,
            fiche_webhooks::deliveries,
        ),
        Route::post(
            "/api/fiches/jobs/{job_id}/webhooks/{delivery_id}/redeliver",
            WRITE,
            fiche_webhooks::redeliver,
        ),
        Route::get(
            "/api/fiches/webhooks/destinations",
            WRITE,
            fiche_webhooks::destinations,
        ),
        Route::post(
            "/api/fiches/webhooks/destinations/enable",
            WRITE,
            fiche_webhooks::enable,
        ),
    ]
}
