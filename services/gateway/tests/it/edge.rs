//! What stands on every answer, and what is refused before anything is decided by it.

use crate::support::{App, answer, header};
use reqwest::header::{HeaderMap, HeaderValue};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::collections::HashSet;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use vigie_gateway::http::routes;

/// The status line of a request that no client library would send.
async fn raw(app: &App, request: &str) -> String {
    let address = app.base().trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let reading = stream.read_to_end(&mut answer);
    // A server that has refused may close before all is read.
    let _read = tokio::time::timeout(crate::support::LIMIT, reading).await;
    let text = String::from_utf8_lossy(&answer).into_owned();
    text.lines().next().unwrap_or_default().to_owned()
}

fn request(path: &str, token: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nhost: vigie.test\r\nconnection: close\r\n\
         authorization: Bearer {token}\r\n\r\n"
    )
}

#[tokio::test]
async fn paths_have_one_meaning_or_none() {
    let app = App::start().await;
    let token = app.world.token();
    for (path, status) in [
        ("/api/audits", "200"),
        ("/api/../api/audits", "400"),
        ("/api/./audits", "400"),
        ("/api/%2e%2e/admin/users", "400"),
        ("/api/audits%2F9", "400"),
        ("/api/audits/9%00", "400"),
        ("/api/audits/%ff", "400"),
        ("/api/audits/%zz", "400"),
        ("/api/audits/", "404"),
        ("/api//audits", "404"),
        ("//api/audits", "404"),
        ("/API/audits", "404"),
        ("/api/%61udits", "404"),
    ] {
        let line = raw(&app, &request(path, &token)).await;
        assert!(
            line.starts_with(&format!("HTTP/1.1 {status} ")),
            "{path}: {line}"
        );
    }
    // A stranger learns nothing more.
    for path in ["/api/audits/", "/api//audits"] {
        let line = raw(&app, &request(path, "a.b.c")).await;
        assert!(line.starts_with("HTTP/1.1 401 "), "{path}: {line}");
    }
    assert_eq!(app.world.count("GetAudit"), 0);
    app.stop().await.unwrap();
}

#[tokio::test]
async fn headers_stand_once_and_are_bounded() {
    let app = App::start().await;
    let token = app.world.token();
    for name in ["authorization", "x-api-key", "content-type", "origin"] {
        let mut twice = HeaderMap::new();
        let value = HeaderValue::try_from(format!("Bearer {token}")).unwrap();
        twice.append(name, value.clone());
        twice.append(name, value);
        // Wherever it goes: to a route of any kind, to none, with a wrong method.
        for (method, path) in [
            (Method::GET, "/api/audits"),
            (Method::DELETE, "/api/audits"),
            (Method::GET, "/api/auth/me"),
            (Method::POST, "/api/auth/login"),
            (Method::POST, "/api/auth/refresh"),
            (Method::GET, "/api/realtime/stream?ticket=a"),
            (Method::POST, "/api/realtime/pusher/auth"),
            (Method::GET, "/api/nothing"),
            (Method::GET, "/nothing"),
            (Method::GET, "/health"),
            (Method::GET, "/api-docs.json"),
        ] {
            let request = app.anonymous(method, path).headers(twice.clone());
            let (status, body) = answer(request).await;
            assert_eq!(status, StatusCode::BAD_REQUEST, "{name}: {path}");
            assert_eq!(body["code"], "VALIDATION_ERROR");
        }
    }
    let large = format!("Bearer {}", "x".repeat(40_000));
    let request = app.anonymous(Method::GET, "/api/audits");
    let (status, _) = answer(request.header("authorization", large)).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    let medium = format!("{}.b.c", "x".repeat(20_000));
    let request = app
        .anonymous(Method::GET, "/api/audits")
        .bearer_auth(medium);
    assert_eq!(answer(request).await.0, StatusCode::UNAUTHORIZED);
    let folded = "GET /api/audits HTTP/1.1\r\nhost: a\r\nauthorization: Bearer x\r\n y\r\n\r\n";
    assert!(raw(&app, folded).await.starts_with("HTTP/1.1 400 "));
    app.stop().await.unwrap();
}

#[tokio::test]
async fn every_answer_carries_the_headers_of_safety() {
    let app = App::with(&[("TRUSTED_PROXIES", "127.0.0.1")]).await;
    for path in ["/health", "/api/audits", "/api/nothing", "/api-docs.json"] {
        let request = app.request(Method::GET, path);
        let response = request
            .header("x-forwarded-proto", "https")
            .send()
            .await
            .unwrap();
        assert_eq!(
            header(&response, "x-content-type-options"),
            Some("nosniff"),
            "{path}"
        );
        assert_eq!(header(&response, "x-frame-options"), Some("DENY"));
        assert_eq!(header(&response, "referrer-policy"), Some("no-referrer"));
        let policy = header(&response, "content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'"));
        assert!(header(&response, "strict-transport-security").is_some());
        assert_eq!(header(&response, "server"), None);
        assert_eq!(header(&response, "x-powered-by"), None);
        let private = path.starts_with("/api/").then_some("no-store");
        assert_eq!(header(&response, "cache-control"), private, "{path}");
        assert!(header(&response, "x-request-id").is_some());
    }
    app.stop().await.unwrap();
}

#[tokio::test]
async fn a_wrong_method_is_told_the_right_ones() {
    let app = App::start().await;
    let request = app.request(Method::PUT, "/api/admin/roles/4");
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
    let allowed = header(&response, "allow").unwrap_or_default();
    for method in ["GET", "HEAD", "PATCH", "DELETE"] {
        assert!(allowed.contains(method), "{allowed}");
    }
    let head = app.request(Method::HEAD, "/api/admin/roles/4");
    assert_eq!(head.send().await.unwrap().status(), StatusCode::OK);
    app.stop().await.unwrap();
}

#[tokio::test]
async fn services_learn_where_a_request_comes_from() {
    let app = App::with(&[("TRUSTED_PROXIES", "127.0.0.0/8")]).await;
    let forwarded = |request: reqwest::RequestBuilder| {
        request
            .header("x-forwarded-for", "198.51.100.66, 203.0.113.9")
            .header("x-request-id", "req-7")
            // Nobody is believed about these.
            .header("x-client-address", "192.0.2.1")
    };
    let login = json!({"email": "claire@vigie.test", "password": "right"});
    let request = app.anonymous(Method::POST, "/api/auth/login").json(&login);
    assert_eq!(answer(forwarded(request)).await.0, StatusCode::OK);
    let request = app.request(Method::GET, "/api/admin/users");
    assert_eq!(answer(forwarded(request)).await.0, StatusCode::OK);
    for rpc in ["Login", "ListUsers"] {
        let calls = app.world.script().calls.clone();
        let call = calls.iter().find(|call| call.rpc == rpc).unwrap();
        assert_eq!(call.origin.request_id.as_deref(), Some("req-7"), "{rpc}");
        assert_eq!(
            call.origin.address,
            Some("203.0.113.9".parse().unwrap()),
            "{rpc}"
        );
    }
    app.stop().await.unwrap();
}

#[tokio::test]
async fn the_route_table_can_be_listed_with_its_guards() {
    let app = App::start().await;
    let (_, document) = answer(app.anonymous(Method::GET, "/api-docs.json")).await;
    let mut seen = HashSet::new();
    for route in routes::routes() {
        let method = route.method.as_str().to_lowercase();
        let described: &Value = &document["paths"][route.path][&method];
        assert_eq!(
            described["x-access"],
            json!(route.access),
            "{method} {}",
            route.path
        );
        let public = route.access.kind == "public";
        assert_eq!(
            described["security"].is_null(),
            public,
            "{method} {}",
            route.path
        );
        assert!(seen.insert((method, route.path)));
    }
    let listed = routes::routes();
    let audits = listed.iter().find(|route| route.path == "/api/audits/run");
    assert_eq!(audits.unwrap().access.guards, ["audits.write"]);
    let public: Vec<_> = listed
        .iter()
        .filter(|route| route.access.kind == "public")
        .map(|route| route.path)
        .collect();
    assert_eq!(
        public,
        [
            "/health",
            "/ready",
            "/.well-known/jwks.json",
            "/api-docs",
            "/api-docs.json",
            "/api/auth/login",
            "/api/auth/refresh",
            "/api/auth/logout",
            "/api/auth/invite/accept",
            "/api/auth/password/reset",
            "/api/recordings/audio/{link}",
        ],
        "a route is public only on purpose"
    );
    app.stop().await.unwrap();
}
