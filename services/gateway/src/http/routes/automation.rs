use crate::http::automation;
use crate::http::route::{Access, Route};
use utoipa::OpenApi;
use vigie_identity::Guard;

const READ: Access = Access::Needs(&[Guard::parse("automation.read")]);
const WRITE: Access = Access::Needs(&[
    Guard::parse("automation.read"),
    Guard::parse("automation.write"),
]);

#[derive(OpenApi)]
#[openapi(paths(
    automation::schedules,
    automation::create,
    automation::schedule,
    automation::schedule_runs,
    automation::trigger,
    automation::runs,
    automation::run,
    automation::cancel
))]
pub(super) struct Described;

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/api/automation/schedules", READ, automation::schedules),
        Route::post("/api/automation/schedules", WRITE, automation::create),
        Route::get(
            "/api/automation/schedules/{schedule_id}",
            READ,
            automation::schedule,
        ),
        Route::get(
            "/api/automation/schedules/{schedule_id}/runs",
            READ,
            automation::schedule_runs,
        ),
        Route::post("/api/automation/trigger", WRITE, automation::trigger),
        Route::get("/api/automation/runs", READ, automation::runs),
        Route::get("/api/automation/runs/{run_id}", READ, automation::run),
        Route::post(
            "/api/automation/runs/{run_id}/cancel",
            WRITE,
            automation::cancel,
        ),
    ]
}
