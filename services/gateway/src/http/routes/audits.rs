use crate::http::route::{Access, Access::Authenticated, Route};
use crate::http::{audit_run, audits};
use utoipa::OpenApi;
use vigie_identity::Guard;

const READ: Access = Access::Needs(&[Guard::parse("audits.read")]);
const RUN: Access = Access::Needs(&[Guard::parse("audits.run")]);
const CONFIGS: Access = Access::Needs(&[Guard::parse("audit-configs.read")]);

#[derive(OpenApi)]
#[openapi(paths(
    audits::list,
    audit_run::create,
    audit_run::run,
    audit_run::run_latest,
    audits::by_fiche,
    audits::control_point_statuses,
    audits::detail,
    audits::configs
))]
pub(super) struct Described;

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/api/audits", READ, audits::list),
        Route::post("/api/audits", RUN, audit_run::create),
        Route::post("/api/audits/run", RUN, audit_run::run),
        Route::post("/api/audits/run-latest", RUN, audit_run::run_latest),
        Route::get("/api/audits/by-fiche/{fiche_id}", READ, audits::by_fiche),
        Route::get(
            "/api/audits/control-points/statuses",
            Authenticated,
            audits::control_point_statuses,
        ),
        Route::get("/api/audits/{audit_id}", READ, audits::detail),
        Route::get("/api/audit-configs", CONFIGS, audits::configs),
    ]
}
