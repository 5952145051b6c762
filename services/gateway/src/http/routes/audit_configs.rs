use crate::http::audit_configs as configs;
use crate::http::route::{Access, Route};
use utoipa::OpenApi;
use vigie_identity::Guard;

const READ: Access = Access::Needs(&[Guard::parse("audit-configs.read")]);
const WRITE: Access = Access::Needs(&[
    Guard::parse("audit-configs.read"),
    Guard::parse("audit-configs.write"),
]);

#[derive(OpenApi)]
#[openapi(paths(
    configs::list,
    configs::detail,
    configs::create,
    configs::update,
    configs::delete,
    configs::add_step,
    configs::update_step,
    configs::delete_step,
    configs::reorder,
    configs::validate,
    configs::stats
))]
pub(super) struct Described;

pub(super) fn routes() -> Vec<Route> {
    let one = "/api/audit-configs/{config_id}";
    let step = "/api/audit-configs/steps/{step_id}";
    vec![
        Route::get("/api/audit-configs", READ, configs::list),
        Route::post("/api/audit-configs", WRITE, configs::create),
        Route::get(one, READ, configs::detail),
        Route::put(one, WRITE, configs::update),
        Route::delete(one, WRITE, configs::delete),
        Route::post(
            "/api/audit-configs/{config_id}/steps",
            WRITE,
            configs::add_step,
        ),
        Route::put(step, WRITE, configs::update_step),
        Route::delete(step, WRITE, configs::delete_step),
        Route::put(
            "/api/audit-configs/{config_id}/steps/reorder",
            WRITE,
            configs::reorder,
        ),
        Route::get(
            "/api/audit-configs/{config_id}/validate",
            READ,
            configs::validate,
        ),
        Route::get("/api/audit-configs/{config_id}/stats", READ, configs::stats),
    ]
}
