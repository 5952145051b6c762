use super::process;
use crate::readiness::Readiness;
use axum::extract::State;
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};
use http::{StatusCode, header};
use metrics_exporter_prometheus::PrometheusHandle;

/// `/metrics`, `/health` (the process only: a broker's restart restarts no pod) and `/ready`.
pub(crate) fn router(readiness: Readiness, metrics: PrometheusHandle) -> Router {
    Router::new()
        .route(
            "/health",
            get(async || Json(serde_json::json!({"status": "ok"}))),
        )
        .route("/ready", get(ready).with_state(readiness))
        .route("/metrics", get(scrape).with_state(metrics))
}

async fn ready(State(readiness): State<Readiness>) -> impl IntoResponse {
    let report = readiness.report().await;
    let status = if report.ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(report))
}

async fn scrape(State(metrics): State<PrometheusHandle>) -> impl IntoResponse {
    // Histograms keep raw samples until this runs; a scrape is the natural beat for it.
    metrics.run_upkeep();
    let text = metrics.render() + &process::render();
    (
        [(
            header::CONTENT_TYPE,
            "text/plain; version=0.0.4; charset=utf-8",
        )],
        text,
    )
}
