use crate::http::route::{Access, Access::Authenticated, Route};
use crate::http::{
    audit_batches, audit_changes, audit_groups, audit_run, audit_story, audits, rescore,
};
use utoipa::OpenApi;
use vigie_identity::Guard;

const READ: Access = Access::Needs(&[Guard::parse("audits.read")]);
const RUN: Access = Access::Needs(&[Guard::parse("audits.run")]);
const WRITE: Access = Access::Needs(&[Guard::parse("audits.write")]);

#[derive(OpenApi)]
#[openapi(paths(
    audits::list,
    audit_run::create,
    audit_run::run,
    audit_run::run_latest,
    audit_batches::start,
    audit_batches::detail,
    audit_batches::cancel,
    audits::by_fiche,
    audits::control_point_statuses,
    audits::detail,
    audit_groups::grouped,
    audit_groups::by_fiches,
    audit_changes::change,
    audit_changes::delete,
    audit_changes::cancel,
    audit_story::logs,
    audit_story::control_point,
    audit_story::stuck,
    rescore::rescore
))]
pub(super) struct Described;

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/api/audits", READ, audits::list),
        Route::post("/api/audits", RUN, audit_run::create),
        Route::post("/api/audits/run", RUN, audit_run::run),
        Route::post("/api/audits/run-latest", RUN, audit_run::run_latest),
        Route::post("/api/audits/batch", RUN, audit_batches::start),
        Route::get(
            "/api/audits/batches/{batch_id}",
            READ,
            audit_batches::detail,
        ),
        Route::post(
            "/api/audits/batches/{batch_id}/cancel",
            RUN,
            audit_batches::cancel,
        ),
        Route::get("/api/audits/by-fiche/{fiche_id}", READ, audits::by_fiche),
        Route::get(
            "/api/audits/control-points/statuses",
            Authenticated,
            audits::control_point_statuses,
        ),
        Route::get("/api/audits/{audit_id}", READ, audits::detail),
        Route::patch("/api/audits/{audit_id}", WRITE, audit_changes::change),
        Route::delete("/api/audits/{audit_id}", WRITE, audit_changes::delete),
        Route::post("/api/audits/{audit_id}/cancel", RUN, audit_changes::cancel),
        Route::get("/api/audits/{audit_id}/logs", READ, audit_story::logs),
        Route::get(
            "/api/audits/{audit_id}/steps/{step_position}/control-points/{control_point_index}",
            READ,
            audit_story::control_point,
        ),
        Route::get("/api/audits/stuck", READ, audit_story::stuck),
        Route::post("/api/audits/rescore", WRITE, rescore::rescore),
        Route::get("/api/audits/grouped", READ, audit_groups::grouped),
        Route::get(
            "/api/audits/grouped-by-fiches",
            READ,
            audit_groups::by_fiches,
        ),
    ]
}
