//! Administration: what is checked at the door, what is passed on, and how it is answered.

mod refusals;

use crate::support::{App, answer};
use reqwest::Method;
use serde_json::{Value, json};

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
