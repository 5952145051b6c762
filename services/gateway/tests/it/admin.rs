//! Administration: what is checked at the door, what is passed on, and how it is answered.

use crate::support::{App, answer, header};
use reqwest::{Method, StatusCode};
use rstest::rstest;
use serde_json::{Value, json};
use vigie_service::{ErrorCode, WireError};

async fn send(app: &App, method: Method, path: &str, body: &Value) -> (u16, Value) {
    let (status, body) = answer(app.request(method, path).json(body)).await;
    (status.as_u16(), body)
}

/// A request, and what its answer is and holds.
type Row = (&'static str, &'static str, Value, u16, &'static str, Value);

async fn all_answer(rows: Vec<Row>) {
    let app = App::start().await;
    for (method, path, body, status, pointer, value) in rows {
        let asked = format!("/api/admin{path}");
        let (found, answer) = send(&app, method.parse().unwrap(), &asked, &body).await;
        let context = format!("{method} {path}: {answer}");
        assert_eq!(
            (found, &answer["success"]),
            (status, &json!(true)),
            "{context}"
        );
        assert_eq!(answer["data"].pointer(pointer), Some(&value), "{context}");
    }
    app.stop().await.unwrap();
}

#[tokio::test]
async fn users_are_answered_with_their_status_and_data() {
    let none = || json!({});
    let user = json!({"email": "Nora@vigie.test", "password": "a-long-phrase-7"});
    let off = json!({"status": "DISABLED"});
    let crm = json!({"crm_user_id": "742"});
    all_answer(vec![
        ("GET", "/users", none(), 200, "/users/0/id", json!("12")),
        ("POST", "/users", user, 201, "/user/id", json!("13")),
        ("PATCH", "/users/12", off, 200, "/user/id", json!("12")),
        (
            "POST",
            "/users/from-crm",
            crm,
            201,
            "/groupe/id",
            json!("3"),
        ),
        (
            "POST",
            "/users/12/reset-link",
            none(),
            201,
            "/reset_token",
            json!("reset"),
        ),
        (
            "POST",
            "/users/12/invite",
            none(),
            201,
            "/invite_token",
            json!("invite"),
        ),
        (
            "POST",
            "/users/12/logout-all",
            none(),
            200,
            "/revoked",
            json!(2),
        ),
        (
            "GET",
            "/crm/users",
            none(),
            200,
            "/utilisateurs/0/nom",
            json!("ROUX"),
        ),
    ])
    .await;
}

#[tokio::test]
async fn rights_are_answered_with_their_status_and_data() {
    let none = || json!({});
    let role = json!({"key": "a", "name": "A"});
    let change = json!({"description": null});
    let token = json!({"name": "export", "permission_grants": [{"key": "audits", "read": true}]});
    let scope = "/role/permission_grants/0/scope";
    all_answer(vec![
        (
            "GET",
            "/roles",
            none(),
            200,
            "/roles/0/permissions/0",
            json!("audits"),
        ),
        ("GET", "/roles/4", none(), 200, scope, json!("GROUP")),
        ("POST", "/roles", role, 201, "/role/id", json!("4")),
        (
            "PATCH",
            "/roles/4",
            change,
            200,
            "/role/description",
            Value::Null,
        ),
        ("DELETE", "/roles/4", none(), 200, "/deleted", json!(true)),
        ("GET", "/permissions", none(), 200, "/count", json!(0)),
        (
            "GET",
            "/service-tokens",
            none(),
            200,
            "/service_tokens/0/name",
            json!("export"),
        ),
        (
            "POST",
            "/service-tokens",
            token,
            201,
            "/token",
            json!("vgs_secret"),
        ),
        (
            "DELETE",
            "/service-tokens/3",
            none(),
            200,
            "/revoked",
            json!(true),
        ),
        (
            "GET",
            "/audit-events",
            none(),
            200,
            "/events/0/before/name",
            json!("a"),
        ),
    ])
    .await;
}

#[tokio::test]
async fn teams_are_answered_with_their_status_and_data() {
    let none = || json!({});
    let old = json!({"crm_group_id": "51", "name": "A"});
    let new = json!({"crm_group_id": "52", "name": "A"});
    let change = json!({"name": "B"});
    let member = json!({"user_id": "12"});
    let dry = "/teams/sync-from-crm?dry_run=True";
    all_answer(vec![
        (
            "GET",
            "/teams?include_users=TRUE",
            none(),
            200,
            "/teams/0/user_ids/0",
            json!("731"),
        ),
        ("POST", "/teams", old, 200, "/team/id", json!("3")),
        ("POST", "/teams", new, 201, "/team/id", json!("3")),
        ("PATCH", "/teams/3", change, 200, "/team/id", json!("3")),
        (
            "DELETE",
            "/teams/3?force=true",
            none(),
            200,
            "/team/crm_group_id",
            json!("51"),
        ),
        (
            "POST",
            "/teams/3/members",
            member,
            200,
            "/user/id",
            json!("12"),
        ),
        (
            "DELETE",
            "/teams/3/members/12",
            none(),
            200,
            "/removed",
            json!(true),
        ),
        ("POST", dry, none(), 200, "/dry_run", json!(true)),
        (
            "GET",
            "/crm/teams",
            none(),
            200,
            "/groupes/0/id",
            json!("51"),
        ),
    ])
    .await;
}

#[tokio::test]
async fn what_is_sent_is_passed_on() {
    let app = App::start().await;
    let asked = async |method: Method, path: &str, body: Value, rpc: &str| {
        send(&app, method, &format!("/api/admin{path}"), &body).await;
        app.world.asked(rpc)
    };
    let body = json!({"crm_user_id": null, "role_keys": ["operator"]});
    let change = asked(Method::PATCH, "/users/12", body, "UpdateUser").await;
    assert!(
        change.contains("crm_user_id: Some(NullableText { value: None })"),
        "{change}"
    );
    assert!(change.contains("values: [\"operator\"]") && change.contains("status: None"));
    let list = asked(
        Method::GET,
        "/users?limit=20&cursor=c&q=nora",
        json!({}),
        "ListUsers",
    )
    .await;
    assert!(
        list.contains("limit: Some(20), cursor: Some(\"c\"), q: Some(\"nora\")"),
        "{list}"
    );
    let body = json!({"key": "lead", "name": "Lead", "permission_grants": [],
        "permission_keys": ["audits.run"]});
    let role = asked(Method::POST, "/roles", body, "CreateRole").await;
    assert!(
        role.contains("permission_grants: Some(RoleGrants { grants: [] })"),
        "{role}"
    );
    assert!(role.contains("[\"audits.run\"]"), "{role}");
    let body = json!({"permission_grants": [{"key": " audits ", "read": true},
        {"key": "fiches", "write": true, "scope": "GROUP"}]});
    let role = asked(Method::PATCH, "/roles/4", body, "UpdateRole").await;
    assert!(
        role.contains("key: \"audits\", read: true, write: false, scope: \"\""),
        "{role}"
    );
    assert!(role.contains("key: \"fiches\", read: false, write: true, scope: \"GROUP\""));
    let path = "/teams/sync-from-crm?sync_members=true&prune=yes";
    let sync = asked(Method::POST, path, json!({}), "SyncTeams").await;
    assert!(sync.contains("sync_members: true, prune: false"), "{sync}");
    let path = "/audit-events?actor_id=12&action=role.updated&target_type=role&limit=200";
    let events = asked(Method::GET, path, json!({}), "ListAuditEvents").await;
    assert!(
        events.contains("actor_id: Some(\"12\"), action: Some(\"role.updated\")"),
        "{events}"
    );
    app.stop().await.unwrap();
}

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
    error.extras.insert("retry_after".to_owned(), 30.into());
    app.world.script().failures.insert("Login", error);
    let body = json!({"email": "a@vigie.test", "password": "x"});
    let request = app.anonymous(Method::POST, "/api/auth/login").json(&body);
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(header(&response, "retry-after"), Some("30"));
    assert_eq!(header(&response, "cache-control"), Some("no-store"));
    let body: Value = response.json().await.unwrap();
    assert_eq!(
        (&body["code"], &body["retry_after"]),
        (&json!("RATE_LIMITED"), &json!(30))
    );
    app.stop().await.unwrap();
}
