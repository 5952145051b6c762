//! Roles, teams, users and machines, all made through the public API.

use anyhow::{Context, Result};
use serde_json::{Value, json};
use vigie_testkit::api::{ApiClient, text};

/// Long enough, and on no list.
pub const PASSWORD: &str = "sept-lieues-de-bottes-7";

/// The keys that are not administration.
pub const WORK: [&str; 9] = [
    "fiches",
    "audits",
    "audit-configs",
    "automation",
    "recordings",
    "transcriptions",
    "products",
    "chat",
    "realtime",
];
/// The keys that are.
pub const OFFICE: [&str; 3] = ["admin.users", "admin.roles", "admin.permissions"];

/// Read and write on these keys, in one scope.
pub fn grants(keys: &[&str], scope: &str) -> Value {
    let grant = |key: &&str| json!({ "key": key, "read": true, "write": true, "scope": scope });
    keys.iter().map(grant).collect()
}

/// A role with these grants.
pub async fn role(admin: &ApiClient, key: &str, grants: &Value) -> Result<String> {
    let body = json!({ "key": key, "name": key, "permission_grants": grants });
    let made = admin.post("/api/admin/roles", &body).await?;
    Ok(text(&made["data"]["role"]["id"]))
}

/// A team with this name.
pub async fn team(admin: &ApiClient, crm_group: &str, name: &str) -> Result<String> {
    let body = json!({ "crm_group_id": crm_group, "name": name });
    let made = admin.post("/api/admin/teams", &body).await?;
    Ok(text(&made["data"]["team"]["id"]))
}

/// Who a user is to be.
pub struct Person<'a> {
    pub email: &'a str,
    pub roles: &'a [&'a str],
    pub crm_user: Option<&'a str>,
    pub team: Option<&'a str>,
}

impl Person<'_> {
    /// Makes the user; the id.
    pub async fn create(&self, admin: &ApiClient) -> Result<String> {
        let body = json!({
            "email": self.email,
            "password": PASSWORD,
            "role_keys": self.roles,
            "crm_user_id": self.crm_user,
        });
        let made = admin.post("/api/admin/users", &body).await?;
        let id = text(&made["data"]["user"]["id"]);
        if let Some(team) = self.team {
            let body = json!({ "user_id": id });
            let members = format!("/api/admin/teams/{team}/members");
            admin.post(&members, &body).await?;
        }
        Ok(id)
    }
}

/// Somebody who has logged in, with a client that never logs in again by itself.
pub async fn enter(gateway: &str, email: &str) -> Result<ApiClient> {
    let api = ApiClient::new(gateway)?;
    api.login(email, PASSWORD).await.context(email.to_owned())?;
    let token = api.token().context("logged in")?;
    let api = ApiClient::new(gateway)?;
    api.use_token(&token);
    Ok(api)
}

/// A service token with every grant but administration.
pub async fn machine(admin: &ApiClient, name: &str) -> Result<String> {
    let body = json!({ "name": name, "permission_grants": grants(&WORK, "ALL") });
    let made = admin.post("/api/admin/service-tokens", &body).await?;
    let token = made["data"]["token"].as_str();
    Ok(token.context("no token was shown")?.to_owned())
}
