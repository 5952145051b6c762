//! The description of the public surface, made from the handlers and the route table.

use super::failure::{ErrorBody, ErrorDetail};
use super::route::{Access, Asked, Route};
use super::routes;
use axum::http::Method;
use utoipa::OpenApi;
use utoipa::openapi::extensions::ExtensionsBuilder;
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{Content, OpenApi as Document, PathItem, Ref, RefOr, ResponseBuilder};

#[derive(OpenApi)]
#[openapi(
    info(title = "Vigie", description = "Audits of sales calls, live."),
    components(schemas(ErrorBody, ErrorDetail))
)]
struct Api;

const BEARER: &str = "bearer";
const API_KEY: &str = "apiKey";

/// The `OpenAPI` document. Who may do what comes from the route table.
pub fn document() -> Document {
    let mut document = Api::openapi();
    for area in routes::described() {
        document.merge(area);
    }
    let components = document.components.get_or_insert_default();
    let bearer = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
    let api_key = SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::new("X-API-Key")));
    components.add_security_scheme(BEARER, bearer);
    components.add_security_scheme(API_KEY, api_key);
    for route in routes::table() {
        let item = document.paths.paths.get_mut(route.path);
        if let Some(operation) = item.and_then(|item| operation(item, &route.method)) {
            describe(operation, &route);
        }
    }
    document
}

/// The operation of a method, where it is described.
pub(super) fn operation<'a>(item: &'a mut PathItem, method: &Method) -> Option<&'a mut Operation> {
    match *method {
        Method::GET => item.get.as_mut(),
        Method::POST => item.post.as_mut(),
        Method::PUT => item.put.as_mut(),
        Method::PATCH => item.patch.as_mut(),
        Method::DELETE => item.delete.as_mut(),
        _ => None,
    }
}

fn describe(operation: &mut Operation, route: &Route) {
    operation.operation_id = Some(operation_id(route));
    let failed = ResponseBuilder::new()
        .description("the error envelope")
        .content(
            "application/json",
            Content::new(Some(RefOr::Ref(Ref::from_schema_name("ErrorBody")))),
        )
        .build();
    let responses = &mut operation.responses.responses;
    responses.insert("default".to_owned(), RefOr::T(failed));
    let asked = serde_json::json!(Asked::from(route.access));
    operation.extensions = Some(ExtensionsBuilder::new().add("x-access", asked).build());
    if matches!(route.access, Access::Public) {
        return;
    }
    let schemes = [BEARER, API_KEY];
    let required = schemes.map(|scheme| SecurityRequirement::new(scheme, [] as [&str; 0]));
    operation.security = Some(required.to_vec());
    let asked: Vec<_> = route
        .access
        .guards()
        .iter()
        .map(|guard| format!("`{}` ({:?})", guard.key(), guard.access()).to_lowercase())
        .collect();
    if !asked.is_empty() {
        let permission = format!("Needs {}.", asked.join(" and "));
        operation.description = Some(match operation.description.take() {
            Some(text) => format!("{text}\n\n{permission}"),
            None => permission,
        });
    }
}

/// `GET /api/audits/{audit_id}` is `get_audits_audit_id`: names of handlers repeat.
fn operation_id(route: &Route) -> String {
    let path = route.path.trim_start_matches("/api/");
    let words = path.split(|c: char| !c.is_ascii_alphanumeric());
    let words: Vec<_> = words.filter(|word| !word.is_empty()).collect();
    format!("{}_{}", route.method, words.join("_")).to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::{document, operation};
    use crate::http::routes;
    use std::collections::HashSet;

    #[test]
    fn every_route_is_described_and_nothing_else_is() {
        let mut document = document();
        let mut described = 0;
        let mut ids = HashSet::new();
        for route in routes::table() {
            let item = document.paths.paths.get_mut(route.path);
            let found = item.and_then(|item| operation(item, &route.method));
            let id = found.and_then(|operation| operation.operation_id.clone());
            assert!(id.is_some(), "{} {}", route.method, route.path);
            assert!(ids.insert(id), "{} {}", route.method, route.path);
            described += 1;
        }
        let all: usize = document
            .paths
            .paths
            .values()
            .map(|item| {
                let all = [&item.get, &item.post, &item.put, &item.patch, &item.delete];
                all.into_iter().flatten().count()
            })
            .sum();
        assert_eq!(all, described);
    }

    #[test]
    fn no_route_stands_twice() {
        let mut seen = HashSet::new();
        for route in routes::table() {
            assert!(
                seen.insert((route.method.clone(), route.path)),
                "{}",
                route.path
            );
        }
    }

    #[test]
    fn the_committed_document_is_the_generated_one() {
        let committed = include_str!("../../../../docs/openapi.json");
        let generated = document().to_pretty_json().unwrap() + "\n";
        assert!(
            committed == generated,
            "run: cargo run -p vigie-gateway --example openapi > docs/openapi.json"
        );
    }
}
