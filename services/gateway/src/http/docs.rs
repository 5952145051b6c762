//! `/api-docs`: the API for people and for tools.

use super::openapi;
use super::routes;
use axum::Json;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{Html, IntoResponse, Response};
use std::fmt::Write;

/// Nothing is loaded from anywhere.
const POLICY: (HeaderName, HeaderValue) = (
    header::CONTENT_SECURITY_POLICY,
    HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'"),
);

const HEAD: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Vigie API</title>\
<style>body{font:15px/1.5 system-ui;margin:2rem auto;max-width:60rem}td{padding:.2rem 1rem .2rem 0}\
code{font-size:14px}</style><h1>Vigie API</h1><p>The whole description is in \
<a href=\"/api-docs.json\">/api-docs.json</a> (OpenAPI 3.1).</p><table>";

/// The list of routes.
#[utoipa::path(get, path = "/api-docs", tag = "system",
    responses((status = 200, body = String, content_type = "text/html")))]
pub async fn page() -> Response {
    let mut html = HEAD.to_owned();
    for route in routes::table() {
        // Writing to a string does not fail; paths and methods are our own constants.
        let _written = write!(
            html,
            "<tr><td><code>{}</code><td><code>{}</code>",
            route.method, route.path
        );
    }
    html.push_str("</table></html>");
    ([POLICY], Html(html)).into_response()
}

/// The description.
#[utoipa::path(get, path = "/api-docs.json", tag = "system",
    responses((status = 200, body = Object)))]
pub async fn document() -> Response {
    Json(openapi::document()).into_response()
}
