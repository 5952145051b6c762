//! Whether this replica lives, and whether it can work.

use crate::app::AppState;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use chrono::SecondsFormat;
use serde::Serialize;
use std::time::Duration;
use tonic::Request;
use utoipa::ToSchema;
use vigie_contracts::auth::v1::GetJwksRequest;

/// A dependency that takes longer is not ready.
const PATIENCE: Duration = Duration::from_secs(2);

/// The process is alive; nothing else is looked at.
#[derive(Serialize, ToSchema)]
pub struct Health {
    status: &'static str,
    timestamp: String,
    service: &'static str,
    version: &'static str,
    instance: String,
}

/// What requests need.
#[derive(Serialize, ToSchema)]
pub struct Readiness {
    ready: bool,
    checks: Vec<Check>,
}

/// One dependency.
#[derive(Serialize, ToSchema)]
pub struct Check {
    name: &'static str,
    ok: bool,
}

/// Liveness.
#[utoipa::path(get, path = "/health", tag = "system", responses((status = 200, body = Health)))]
pub async fn health(State(gateway): State<AppState>) -> Json<Health> {
    Json(Health {
        status: "ok",
        timestamp: gateway
            .clock
            .now()
            .to_rfc3339_opts(SecondsFormat::Millis, true),
        service: "vigie",
        version: env!("CARGO_PKG_VERSION"),
        instance: gateway.instance.clone(),
    })
}

/// Readiness: the bus, and auth.
#[utoipa::path(get, path = "/ready", tag = "system", responses((status = 200, body = Readiness)))]
pub async fn ready(State(gateway): State<AppState>) -> (StatusCode, Json<Readiness>) {
    let bus = tokio::time::timeout(PATIENCE, gateway.live.bus.ready());
    let mut question = Request::new(GetJwksRequest {});
    question.set_timeout(PATIENCE);
    let mut auth = gateway.auth.clone();
    let (bus, auth) = tokio::join!(bus, auth.get_jwks(question));
    let checks = vec![
        Check {
            name: "nats",
            ok: matches!(bus, Ok(Ok(()))),
        },
        Check {
            name: "auth",
            ok: auth.is_ok(),
        },
        Check {
            name: "running",
            ok: !gateway.stop.is_cancelled(),
        },
    ];
    let ready = checks.iter().all(|check| check.ok);
    let status = if ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(Readiness { ready, checks }))
}
