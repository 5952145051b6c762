use crate::http::reviews;
use crate::http::route::{Access, Route};
use utoipa::OpenApi;
use vigie_identity::Guard;

const WRITE: Access = Access::Needs(&[Guard::parse("audits.write")]);
const RERUN: Access = Access::Needs(&[Guard::parse("audits.rerun")]);

const STEP_REVIEW: &str = "/api/audits/{audit_id}/steps/{step_position}/review";
const POINT_REVIEW: &str =
    "/api/audits/{audit_id}/steps/{step_position}/control-points/{control_point_index}/review";
const POINT_RERUN: &str =
    "/api/audits/{audit_id}/steps/{step_position}/control-points/{control_point_index}/rerun";

#[derive(OpenApi)]
#[openapi(paths(
    reviews::review_step,
    reviews::revoke_step,
    reviews::review_point,
    reviews::revoke_point,
    reviews::rerun_step,
    reviews::rerun_point,
    reviews::rerun_fallback
))]
pub(super) struct Described;

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::patch(STEP_REVIEW, WRITE, reviews::review_step),
        Route::delete(STEP_REVIEW, WRITE, reviews::revoke_step),
        Route::patch(POINT_REVIEW, WRITE, reviews::review_point),
        Route::delete(POINT_REVIEW, WRITE, reviews::revoke_point),
        Route::post(
            "/api/audits/{audit_id}/steps/{step_position}/rerun",
            RERUN,
            reviews::rerun_step,
        ),
        Route::post(POINT_RERUN, RERUN, reviews::rerun_point),
        Route::post(
            "/api/audits/{audit_id}/rerun-fallback",
            RERUN,
            reviews::rerun_fallback,
        ),
    ]
}
