//! What people do with their own account.

use crate::support::{App, answer, header};
use crate::world::{API_TOKEN, REFRESH_TOKEN};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

const LINK: &str = "an-invite-of-some-length";

#[tokio::test]
async fn invites_and_reset_links_open_sessions() {
    let app = App::start().await;
    for (path, name) in [
        ("/api/auth/invite/accept", "invite_token"),
        ("/api/auth/password/reset", "reset_token"),
    ] {
        let good = json!({name: format!(" {LINK} "), "password": "a-long-phrase-7"});
        let response = app.anonymous(Method::POST, path).json(&good);
        let response = response.send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(header(&response, "cache-control"), Some("no-store"));
        let cookie = header(&response, "set-cookie").unwrap();
        assert!(cookie.starts_with(&format!("refresh_token={REFRESH_TOKEN}; ")));
        let body: Value = response.json().await.unwrap();
        assert_eq!(body["data"]["token_type"], "Bearer");

        for bad in [
            json!({}),
            json!({name: "short", "password": "a-long-phrase-7"}),
            json!({name: "x".repeat(501), "password": "a-long-phrase-7"}),
            json!({name: LINK}),
            json!({name: 7, "password": null}),
        ] {
            let (status, body) = answer(app.anonymous(Method::POST, path).json(&bad)).await;
            assert_eq!(status, StatusCode::BAD_REQUEST, "{bad}");
            assert_eq!(body["code"], "VALIDATION_ERROR");
        }
    }
    let used = json!({"invite_token": format!("used-{LINK}"), "password": "a-long-phrase-7"});
    let request = app.anonymous(Method::POST, "/api/auth/invite/accept");
    let (status, body) = answer(request.json(&used)).await;
    assert_eq!(
        (status, &body["error"]),
        (
            StatusCode::UNAUTHORIZED,
            &json!("Invite token already used")
        )
    );
    app.stop().await.unwrap();
}

#[tokio::test]
async fn own_accounts_are_people_s() {
    let app = App::start().await;
    let sid = uuid::Uuid::nil();
    for (method, path) in [
        (Method::POST, "/api/auth/password".to_owned()),
        (Method::GET, "/api/auth/sessions".to_owned()),
        (Method::DELETE, format!("/api/auth/sessions/{sid}")),
        (Method::POST, "/api/auth/logout-all".to_owned()),
    ] {
        let request = app.anonymous(method.clone(), &path);
        let (status, body) = answer(request.header("x-api-key", API_TOKEN)).await;
        let expected = json!("User authentication required");
        assert_eq!(
            (status, &body["error"]),
            (StatusCode::UNAUTHORIZED, &expected),
            "{path}"
        );
        let (status, body) = answer(app.anonymous(method, &path)).await;
        let expected = json!("Authentication required");
        assert_eq!(
            (status, &body["error"]),
            (StatusCode::UNAUTHORIZED, &expected),
            "{path}"
        );
    }
    let machine = app
        .anonymous(Method::GET, "/api/auth/me")
        .bearer_auth(API_TOKEN);
    let (status, body) = answer(machine).await;
    let expected = json!("Invalid or expired access token");
    assert_eq!(
        (status, &body["error"]),
        (StatusCode::UNAUTHORIZED, &expected)
    );
    assert_eq!(app.world.count("GetMe"), 0);
    app.stop().await.unwrap();
}

#[tokio::test]
async fn a_password_changes_for_the_right_one_only() {
    let app = App::start().await;
    let path = "/api/auth/password";
    let change = |current: &str| json!({"current_password": current, "new_password": "another-7"});
    let (status, body) = app.post(path, &change("right")).await;
    assert_eq!(
        (status, &body["data"]),
        (StatusCode::OK, &json!({"changed": true}))
    );
    let (status, body) = app.post(path, &change("wrong")).await;
    assert_eq!(
        (status, &body["code"]),
        (StatusCode::UNAUTHORIZED, &json!("AUTHENTICATION_ERROR"))
    );
    let (status, body) = app.post(path, &json!({"current_password": 7})).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(body["details"][1]["path"], "new_password");
    app.stop().await.unwrap();
}

#[tokio::test]
async fn sessions_are_listed_and_ended() {
    let app = App::start().await;
    let (_, body) = app.get("/api/auth/sessions").await;
    assert_eq!(body["data"]["sessions"][0]["current"], true);
    let path = format!("/api/auth/sessions/{}", uuid::Uuid::nil());
    let (status, body) = answer(app.request(Method::DELETE, &path)).await;
    assert_eq!(
        (status, &body["data"]),
        (StatusCode::OK, &json!({"revoked": true}))
    );
    let (status, body) = answer(app.request(Method::DELETE, "/api/auth/sessions/7")).await;
    assert_eq!(
        (status, &body["error"]),
        (StatusCode::BAD_REQUEST, &json!("Invalid session id"))
    );
    let everywhere = app.request(Method::POST, "/api/auth/logout-all");
    let response = everywhere.send().await.unwrap();
    assert!(
        header(&response, "set-cookie")
            .unwrap()
            .starts_with("refresh_token=; ")
    );
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["data"], json!({"revoked": 3}));
    app.stop().await.unwrap();
}

#[tokio::test]
async fn a_blank_refresh_token_is_no_token() {
    let app = App::start().await;
    for path in ["/api/auth/refresh", "/api/auth/logout"] {
        for bad in [json!({"refresh_token": " "}), json!({"refresh_token": 7})] {
            let (status, body) = answer(app.anonymous(Method::POST, path).json(&bad)).await;
            assert_eq!(status, StatusCode::BAD_REQUEST, "{bad}");
            assert_eq!(body["details"][0]["path"], "refresh_token");
        }
    }
    let padded = json!({"refresh_token": format!(" {REFRESH_TOKEN} ")});
    let request = app.anonymous(Method::POST, "/api/auth/refresh");
    assert_eq!(answer(request.json(&padded)).await.0, StatusCode::OK);
    app.stop().await.unwrap();
}
