use super::client::{behind_tls, client_address};
use super::provenance;
use crate::app::AppState;
use crate::http::failure::{Failure, Told};
use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::FutureExt;
use serde_json::Value;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::time::Instant;
use tracing::Instrument;
use tracing::field::Empty;
use vigie_service::grpc::Origin;
use vigie_service::{ErrorCode, RETRY_AFTER_SECONDS, WireError, telemetry};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const INSTANCE: HeaderName = HeaderName::from_static("x-backend-instance");
const MAX_REQUEST_ID: usize = 64;
const YEAR_OF_TLS: HeaderValue = HeaderValue::from_static("max-age=31536000; includeSubDomains");

/// The frame of every request: its span, its id, its metrics, and the envelope of what failed.
pub(in crate::http) async fn finish(
    State(state): State<AppState>,
    request: Request,
    next: Next,
) -> Response {
    let started = Instant::now();
    let method = request.method().clone();
    let matched = request.extensions().get::<MatchedPath>();
    // Never the path itself: it names fiches.
    let route = matched.map_or("unmatched", MatchedPath::as_str).to_owned();
    let span = tracing::info_span!(
        "http.request",
        otel.name = format!("{method} {route}"),
        otel.kind = "server",
        http.method = %method,
        http.route = route,
        http.status = Empty,
        request.id = Empty,
    );
    telemetry::continue_from(&span, request.headers());
    let id = wanted_id(request.headers())
        .or_else(|| span.in_scope(telemetry::trace_id))
        .unwrap_or_else(|| uuid::Uuid::new_v4().simple().to_string());
    span.record("request.id", &id);
    let peer = request
        .extensions()
        .get::<ConnectInfo<SocketAddr>>()
        .copied();
    let trusted = &state.config.trusted_proxies;
    let tls = peer.is_some_and(|ConnectInfo(peer)| behind_tls(request.headers(), peer, trusted));
    let origin = Origin {
        address: peer.map(|ConnectInfo(peer)| client_address(request.headers(), peer, trusted)),
        request_id: Some(id.clone()),
    };
    let private = request.uri().path().starts_with("/api/");

    let answer = provenance::within(origin, AssertUnwindSafe(next.run(request)).catch_unwind());
    let response = answer.instrument(span.clone()).await.unwrap_or_else(|_| {
        span.in_scope(|| tracing::error!("a handler panicked"));
        Failure::internal().into_response()
    });
    let mut response = envelope(response, &id);
    let status = response.status();
    span.record("http.status", status.as_u16());
    metrics::histogram!(
        "http_server_seconds",
        "method" => method.to_string(),
        "route" => route,
        "status" => status.as_u16().to_string(),
    )
    .record(started.elapsed());
    let headers = response.headers_mut();
    write_headers(headers, &state.instance, &id, tls);
    if private {
        // What one caller was told is for nobody else, and for no later time.
        let keep = headers.entry(header::CACHE_CONTROL);
        keep.or_insert(HeaderValue::from_static("no-store"));
    }
    response
}

/// The caller's own id, where it is a modest one.
fn wanted_id(headers: &HeaderMap) -> Option<String> {
    let id = headers.get(REQUEST_ID)?.to_str().ok()?;
    let modest = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let good = (1..=MAX_REQUEST_ID).contains(&id.len()) && id.chars().all(modest);
    good.then(|| id.to_owned())
}

/// Gives every failed answer the contract's envelope, also one that axum made.
fn envelope(mut response: Response, request_id: &str) -> Response {
    let status = response.status();
    let error = match response.extensions_mut().remove::<Told>() {
        Some(Told(error)) => *error,
        None if status.is_client_error() || status.is_server_error() => of_status(status),
        None => return response,
    };
    let body = crate::http::failure::body(&error, request_id);
    let mut answer = (error.code.http_status(), axum::Json(body)).into_response();
    if let Some(seconds) = error
        .extras
        .get(RETRY_AFTER_SECONDS)
        .and_then(Value::as_u64)
    {
        let headers = answer.headers_mut();
        headers.insert(header::RETRY_AFTER, seconds.max(1).into());
    }
    for (name, value) in response.headers() {
        if *name != header::CONTENT_TYPE && *name != header::CONTENT_LENGTH {
            answer.headers_mut().insert(name, value.clone());
        }
    }
    answer
}

fn of_status(status: StatusCode) -> WireError {
    if status.is_client_error() {
        WireError::new(ErrorCode::Validation, "Invalid request")
    } else {
        WireError::new(ErrorCode::Internal, WireError::INTERNAL)
    }
}

fn write_headers(headers: &mut HeaderMap, instance: &str, id: &str, tls: bool) {
    for (name, value) in [(INSTANCE, instance), (REQUEST_ID, id)] {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    }
    let nosniff = HeaderValue::from_static("nosniff");
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, nosniff);
    headers.insert(
        header::REFERRER_POLICY,
        HeaderValue::from_static("no-referrer"),
    );
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    // Pages bring their own; everything else is data, and no page.
    headers
        .entry(header::CONTENT_SECURITY_POLICY)
        .or_insert(HeaderValue::from_static(
            "default-src 'none'; frame-ancestors 'none'",
        ));
    if tls {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, YEAR_OF_TLS);
    }
}

#[cfg(test)]
mod tests {
    use super::wanted_id;
    use axum::http::HeaderMap;
    use rstest::rstest;

    #[rstest]
    #[case("abc-DEF_9", true)]
    #[case("", false)]
    #[case("a b", false)]
    #[case("a\"b", false)]
    #[case(
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        false
    )]
    fn only_modest_ids_are_taken(#[case] id: &str, #[case] taken: bool) {
        let mut headers = HeaderMap::new();
        headers.insert("x-request-id", id.parse().unwrap());
        assert_eq!(wanted_id(&headers).is_some(), taken);
    }
}
