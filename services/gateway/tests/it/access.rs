//! Who may pass: every row of the route table, and the credentials.

use crate::support::{App, answer, header};
use crate::world::API_TOKEN;
use reqwest::{Method, StatusCode};
use vigie_gateway::http::route::Access;
use vigie_gateway::http::routes;
use vigie_identity::Scope;

/// A path with something in place of its parameters.
fn example(path: &str) -> String {
    let segments = path
        .split('/')
        .map(|part| if part.starts_with('{') { "7" } else { part });
    segments.collect::<Vec<_>>().join("/")
}

#[tokio::test]
async fn every_route_refuses_strangers_and_those_without_its_permissions() {
    let app = App::start().await;
    let nothing = app.world.token_for(&[], 600);
    for route in routes::table() {
        let path = example(route.path);
        if matches!(route.access, Access::Public) {
            let status = answer_status(app.anonymous(route.method.clone(), &path)).await;
            // The link to a recording is a permission itself.
            let refused = status == StatusCode::FORBIDDEN;
            assert_eq!(refused, route.path.ends_with("{link}"), "{path}");
            continue;
        }
        let (status, body) = answer(app.anonymous(route.method.clone(), &path)).await;
        assert_eq!(
            (status, &body["code"]),
            (StatusCode::UNAUTHORIZED, &"AUTHENTICATION_ERROR".into())
        );
        if route.access.guards().is_empty() {
            continue;
        }
        let request = app
            .anonymous(route.method.clone(), &path)
            .bearer_auth(&nothing);
        let (status, body) = answer(request).await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{path}");
        assert_eq!(body["error"], "Missing permission");
        assert_eq!(body["code"], "AUTHORIZATION_ERROR");
        let status = answer_status(app.request(route.method.clone(), &path)).await;
        let passed = ![StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN].contains(&status);
        assert!(passed, "{} {path} answered {status}", route.method);
    }
    app.stop().await.unwrap();
}

/// The status alone: of event streams the body never ends.
async fn answer_status(request: reqwest::RequestBuilder) -> StatusCode {
    request.send().await.unwrap().status()
}

#[tokio::test]
async fn writing_automation_takes_both_flags() {
    let app = App::start().await;
    for guard in routes::table()
        .iter()
        .filter(|route| route.method == Method::POST && route.path.contains("/automation/"))
        .map(|route| route.access.guards().len())
    {
        assert_eq!(guard, 2);
    }
    app.stop().await.unwrap();
}

#[tokio::test]
async fn forged_and_expired_tokens_are_nobody() {
    let app = App::start().await;
    let expired = app.world.token_for(&[("audits", Scope::All)], -31);
    let foreign = crate::world::World::new().token();
    for token in [expired, foreign, "a.b.c".to_owned(), "unknown".to_owned()] {
        let request = app.anonymous(Method::GET, "/api/audits").bearer_auth(token);
        let (status, body) = answer(request).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED);
        assert_eq!(body["error"], "Authentication required");
    }
    app.stop().await.unwrap();
}

#[tokio::test]
async fn a_bad_bearer_does_not_mask_a_good_api_key() {
    let app = App::start().await;
    let statuses = "/api/audits";
    for request in [
        app.anonymous(Method::GET, statuses).bearer_auth(API_TOKEN),
        app.anonymous(Method::GET, statuses)
            .header("x-api-key", API_TOKEN),
        app.anonymous(Method::GET, statuses)
            .bearer_auth("a.b.c")
            .header("x-api-key", API_TOKEN),
        app.anonymous(Method::GET, statuses)
            .bearer_auth("other")
            .header("X-API-Key", API_TOKEN),
    ] {
        assert_eq!(answer(request).await.0, StatusCode::OK);
    }
    // Once for each token, though it came four times.
    assert_eq!(app.world.count("ExchangeApiToken"), 2);
    let calls = app.world.script().calls.clone();
    let passed = calls.iter().filter(|call| call.rpc == "ListAudits");
    for call in passed {
        assert!(call.user.as_deref().unwrap().starts_with("Bearer ey"));
    }
    app.stop().await.unwrap();
}

#[tokio::test]
async fn refreshing_a_fiche_takes_the_right_to_write() {
    let app = App::start().await;
    let reader = {
        let now = vigie_identity::Clock::system().now();
        let grant = vigie_identity::Grant {
            key: "fiches".to_owned(),
            read: true,
            write: false,
            read_scope: Scope::All,
            write_scope: Scope::Own,
        };
        let principal = vigie_identity::Principal {
            kind: vigie_identity::PrincipalKind::User("7".parse().unwrap()),
            email: "viewer@vigie.test".to_owned(),
            roles: Vec::new(),
            crm_user_id: None,
            groupes: Vec::new(),
            groupe_names: Vec::new(),
            grants: vec![grant],
            session: Some("s".to_owned()),
            version: 1,
            expires_at: now + chrono::TimeDelta::seconds(60),
        };
        let token = app.world.signer.access(&principal, now).unwrap().token;
        secrecy::ExposeSecret::expose_secret(&token).to_owned()
    };
    let path = "/api/fiches/44?refresh=true";
    let (status, body) = answer(app.anonymous(Method::GET, path).bearer_auth(&reader)).await;
    assert_eq!(
        (status, &body["error"]),
        (StatusCode::FORBIDDEN, &"Missing permission".into())
    );
    assert_eq!(app.world.count("GetFiche"), 0, "nothing was fetched");
    let path = "/api/fiches/44?refresh=false";
    assert_eq!(
        answer(app.anonymous(Method::GET, path).bearer_auth(&reader))
            .await
            .0,
        StatusCode::OK
    );
    app.stop().await.unwrap();
}

#[tokio::test]
async fn foreign_pages_may_not_read_and_ours_may() {
    let app = App::start().await;
    let ours = app
        .anonymous(Method::GET, "/health")
        .header("origin", "http://localhost:5173");
    let response = ours.send().await.unwrap();
    assert_eq!(
        header(&response, "access-control-allow-origin"),
        Some("http://localhost:5173")
    );
    assert_eq!(
        header(&response, "access-control-allow-credentials"),
        Some("true")
    );
    let foreign = app
        .anonymous(Method::GET, "/health")
        .header("origin", "http://evil.test");
    let response = foreign.send().await.unwrap();
    assert_eq!(header(&response, "access-control-allow-origin"), None);
    assert_eq!(header(&response, "vary"), Some("Origin"));

    let preflight = app
        .anonymous(Method::OPTIONS, "/api/audits/run")
        .header("origin", "http://localhost:3000")
        .header("access-control-request-method", "POST")
        .header(
            "access-control-request-headers",
            "authorization,content-type",
        );
    let response = preflight.send().await.unwrap();
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    let allowed = header(&response, "access-control-allow-headers");
    assert_eq!(allowed, Some("authorization,content-type"));
    app.stop().await.unwrap();
}
