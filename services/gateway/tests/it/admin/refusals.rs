use super::send;
use crate::support::{App, header};
use reqwest::{Method, StatusCode};
use rstest::rstest;
use serde_json::{Value, json};
use vigie_service::{ErrorCode, RETRY_AFTER_SECONDS, WireError};

#[tokio::test]
async fn ids_in_paths_are_told_first() {
    let app = App::start().await;
    let bad = [
        "0",
        "-1",
        "0x1f",
        "1.5",
        "abc",
        "007",
        "9223372036854775808",
        "%31%20",
    ];
    for id in bad {
        for (method, path, sentence) in [
            ("PATCH", format!("/users/{id}"), "Invalid user id"),
            ("POST", format!("/users/{id}/invite"), "Invalid user id"),
            ("GET", format!("/roles/{id}"), "Invalid role id"),
            ("PATCH", format!("/roles/{id}"), "Invalid role id"),
            ("DELETE", format!("/roles/{id}"), "Invalid role id"),
            ("PATCH", format!("/teams/{id}"), "Invalid team id"),
            ("POST", format!("/teams/{id}/members"), "Invalid team id"),
            (
                "DELETE",
                format!("/teams/{id}/members/12"),
                "Invalid team id",
            ),
            (
                "DELETE",
                format!("/teams/3/members/{id}"),
                "Invalid user id",
            ),
            (
                "DELETE",
                format!("/service-tokens/{id}"),
                "Invalid service token id",
            ),
        ] {
            let path = format!("/api/admin{path}");
            let (status, body) = send(&app, method.parse().unwrap(), &path, &json!({})).await;
            assert_eq!(
                (status, &body["error"]),
                (400, &json!(sentence)),
                "{method} {path}"
            );
            assert_eq!(body["code"], "VALIDATION_ERROR");
        }
    }
    let (status, body) = send(
        &app,
        Method::POST,
        "/api/admin/teams/3/members",
        &json!({"user_id": "x"}),
    )
    .await;
    assert_eq!((status, &body["error"]), (400, &json!("Invalid user id")));
    app.stop().await.unwrap();
}

#[rstest]
#[case("POST", "/users", json!({"email": "a@b.test"}), &["password"])]
#[case("POST", "/users", json!({"email": 7, "password": "p", "role_keys": []}), &["email", "role_keys"])]
#[case("POST", "/users", json!([]), &["email", "password"])]
#[case("PATCH", "/users/12", json!({"status": "active"}), &["status"])]
#[case("PATCH", "/users/12", json!({"status": null, "password": 7}), &["status", "password"])]
#[case("PATCH", "/users/12", json!({"role_keys": ["viewer", " "]}), &["role_keys.1"])]
#[case("POST", "/users/from-crm", json!({"crm_user_id": " "}), &["crm_user_id"])]
#[case("POST", "/users/from-crm", json!({"crm_user_id": "1", "link_existing": "yes"}), &["link_existing"])]
#[case("POST", "/roles", json!({"key": "x".repeat(81), "name": ""}), &["key", "name"])]
#[case("POST", "/roles", json!({"key": "k", "name": "n", "description": null}), &["description"])]
#[case("POST", "/roles", json!({"key": "k", "name": "n", "permission_grants": [{"key": "a", "scope": "all"}]}),
    &["permission_grants.0.scope"])]
#[case("PATCH", "/roles/4", json!({"name": null}), &["name"])]
#[case("POST", "/teams", json!({"name": "x".repeat(201), "responsable_1": null}),
    &["crm_group_id", "name", "responsable_1"])]
#[case("POST", "/teams/3/members", json!({"user_id": 12}), &["user_id"])]
#[case("POST", "/service-tokens", json!({"name": "n"}), &["permission_grants"])]
#[case("GET", "/users?limit=0", json!({}), &["limit"])]
#[case("GET", "/audit-events?limit=201", json!({}), &["limit"])]
#[tokio::test]
async fn bodies_are_refused_with_every_issue(
    #[case] method: &str,
    #[case] path: &str,
    #[case] body: Value,
    #[case] paths: &[&str],
) {
    let app = App::start().await;
    let path = format!("/api/admin{path}");
    let (status, refused) = send(&app, method.parse().unwrap(), &path, &body).await;
    assert_eq!(
        (status, &refused["code"]),
        (400, &json!("VALIDATION_ERROR")),
        "{refused}"
    );
    let details = refused["details"].as_array().unwrap().iter();
    let named: Vec<_> = details
        .map(|detail| detail["path"].as_str().unwrap())
        .collect();
    assert_eq!(named, paths);
    app.stop().await.unwrap();
}

#[tokio::test]
async fn a_change_of_nothing_is_refused_in_the_contract_s_words() {
    let app = App::start().await;
    for (path, sentence) in [
        (
            "/users/12",
            "At least one of status, password, role_keys is required",
        ),
        (
            "/roles/4",
            "At least one of name, description, permission_keys, permission_grants is required",
        ),
        (
            "/teams/3",
            "At least one of name, responsable_1, responsable_2, responsable_3 is required",
        ),
    ] {
        let body = json!({"other": 1});
        let (status, body) = send(&app, Method::PATCH, &format!("/api/admin{path}"), &body).await;
        assert_eq!((status, &body["error"]), (400, &json!(sentence)));
    }
    let (status, body) = send(
        &app,
        Method::PATCH,
        "/api/admin/users/99",
        &json!({"status": "ACTIVE"}),
    )
    .await;
    assert_eq!(
        (status, &body["error"]),
        (404, &json!("User with ID '99' not found"))
    );
    app.stop().await.unwrap();
}

#[tokio::test]
async fn refusals_of_auth_come_through_and_too_many_say_when() {
    let app = App::start().await;
    for (code, status) in [
        (ErrorCode::Conflict, 409),
        (ErrorCode::Authorization, 403),
        (ErrorCode::ExternalApi, 502),
    ] {
        app.world.fail("SyncTeams", code, "why");
        let (found, body) = send(
            &app,
            Method::POST,
            "/api/admin/teams/sync-from-crm",
            &json!({}),
        )
        .await;
        assert_eq!((found, &body["code"]), (status, &json!(code.wire())));
    }
    let mut error = WireError::new(ErrorCode::RateLimited, "Too many attempts");
    let extras = &mut error.extras;
    extras.insert(RETRY_AFTER_SECONDS.to_owned(), 30.into());
    app.world.script().failures.insert("Login", error);
    let body = json!({"email": "a@vigie.test", "password": "x"});
    let request = app.anonymous(Method::POST, "/api/auth/login").json(&body);
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(header(&response, "retry-after"), Some("30"));
    assert_eq!(header(&response, "cache-control"), Some("no-store"));
    let body: Value = response.json().await.unwrap();
    assert_eq!(
        (&body["code"], &body["retry_after_seconds"]),
        (&json!("RATE_LIMITED"), &json!(30))
    );
    app.stop().await.unwrap();
}
