//! Login, refresh, logout, and the cookie.

use crate::support::{App, answer, header};
use crate::world::REFRESH_TOKEN;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

#[tokio::test]
async fn a_login_sets_the_cookie_and_keeps_it_out_of_the_body() {
    let app = App::start().await;
    let body = json!({"email": "claire@vigie.test", "password": "right"});
    let request = app.anonymous(Method::POST, "/api/auth/login").json(&body);
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(header(&response, "cache-control"), Some("no-store"));
    let cookie = header(&response, "set-cookie").unwrap().to_owned();
    let start = format!("refresh_token={REFRESH_TOKEN}; Max-Age=2592000; Path=/api/auth; Expires=");
    assert!(cookie.starts_with(&start), "{cookie}");
    assert!(cookie.ends_with("; HttpOnly; SameSite=Lax"), "{cookie}");
    let text = response.text().await.unwrap();
    assert!(!text.contains(REFRESH_TOKEN));
    let body: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(body["data"]["token_type"], "Bearer");
    assert_eq!(body["data"]["expires_in"], 900);
    assert_eq!(body["data"]["user"]["id"], "42");
    assert_eq!(app.world.script().client_ip.as_deref(), Some("127.0.0.1"));

    let wrong = json!({"email": "claire@vigie.test", "password": "wrong"});
    let response = app.anonymous(Method::POST, "/api/auth/login").json(&wrong);
    let (status, body) = answer(response).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert_eq!(body["error"], "Invalid email or password");
    app.stop().await.unwrap();
}

#[tokio::test]
async fn the_cookie_wins_over_the_body_and_failures_leave_it_alone() {
    let app = App::with(&[
        ("AUTH_COOKIE_SECURE", "true"),
        ("AUTH_COOKIE_SAMESITE", "none"),
    ])
    .await;
    let refresh = || app.anonymous(Method::POST, "/api/auth/refresh");
    let cookie = format!("a=b; refresh_token={REFRESH_TOKEN}");
    let request = refresh()
        .header("cookie", &cookie)
        .json(&json!({"refresh_token": "other"}));
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let set = header(&response, "set-cookie").unwrap();
    assert!(set.ends_with("; HttpOnly; Secure; SameSite=None"), "{set}");

    let body = json!({"refresh_token": REFRESH_TOKEN});
    assert_eq!(answer(refresh().json(&body)).await.0, StatusCode::OK);
    let (status, body) = answer(refresh()).await;
    assert_eq!(
        (status, &body["error"]),
        (StatusCode::UNAUTHORIZED, &"Missing refresh token".into())
    );
    let old = refresh()
        .header("cookie", "refresh_token=old")
        .send()
        .await
        .unwrap();
    assert_eq!(old.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(header(&old, "set-cookie"), None);
    app.stop().await.unwrap();
}

#[tokio::test]
async fn a_foreign_page_cannot_use_the_cookie() {
    let app = App::start().await;
    let logout = |origin: &str| {
        app.anonymous(Method::POST, "/api/auth/logout")
            .header("cookie", format!("refresh_token={REFRESH_TOKEN}"))
            .header("origin", origin)
    };
    let (status, body) = answer(logout("https://evil.test")).await;
    assert_eq!(
        (status, &body["code"]),
        (StatusCode::FORBIDDEN, &"AUTHORIZATION_ERROR".into())
    );
    assert_eq!(app.world.count("Logout"), 0);
    let response = logout("http://localhost:3000").send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let cleared = header(&response, "set-cookie").unwrap();
    assert!(cleared.starts_with("refresh_token=; Path=/api/auth; Expires=Thu, 01 Jan 1970"));
    let body: Value = response.json().await.unwrap();
    assert_eq!(body, json!({"success": true, "data": {"logged_out": true}}));
    app.stop().await.unwrap();
}

#[tokio::test]
async fn only_trusted_proxies_name_the_client() {
    let login = json!({"email": "claire@vigie.test", "password": "right"});
    for (trusted, seen) in [("10.0.0.0/8", "127.0.0.1"), ("127.0.0.0/8", "203.0.113.9")] {
        let app = App::with(&[("TRUSTED_PROXIES", trusted)]).await;
        let request = app.anonymous(Method::POST, "/api/auth/login").json(&login);
        let response = request
            .header("x-forwarded-for", "203.0.113.9")
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(app.world.script().client_ip.as_deref(), Some(seen));
        app.stop().await.unwrap();
    }
}

#[tokio::test]
async fn the_account_says_which_token_is_missing() {
    let app = App::start().await;
    let (status, body) = answer(app.anonymous(Method::GET, "/api/auth/me")).await;
    assert_eq!(
        (status, &body["error"]),
        (StatusCode::UNAUTHORIZED, &"Missing access token".into())
    );
    let request = app
        .anonymous(Method::GET, "/api/auth/me")
        .bearer_auth("a.b.c");
    let (status, body) = answer(request).await;
    let expected = "Invalid or expired access token";
    assert_eq!(
        (status, &body["error"]),
        (StatusCode::UNAUTHORIZED, &expected.into())
    );
    let (status, body) = app.get("/api/auth/me").await;
    assert_eq!(
        (status, &body["data"]["user"]["id"]),
        (StatusCode::OK, &"42".into())
    );
    app.stop().await.unwrap();
}
