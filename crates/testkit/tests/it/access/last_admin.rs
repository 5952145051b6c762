//! Whatever administrators do to each other at the same time, one is left.

use super::people::{Person, enter, role};
use crate::spine::options;
use anyhow::{Context, Result, ensure};
use futures::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use vigie_testkit::api::{ApiClient, text};
use vigie_testkit::stack::Stack;

const CHIEFS: usize = 3;
const ROUNDS: usize = 4;

/// Everything, everywhere: what makes a full administrator.
async fn everything(admin: &ApiClient) -> Result<Value> {
    let known = admin.get("/api/admin/permissions").await?;
    let keys = known["data"]["permissions"].as_array();
    let keys = keys.context("no permissions")?.iter();
    let keys: Vec<&str> = keys.filter_map(|one| one["key"].as_str()).collect();
    Ok(super::people::grants(&keys, "ALL"))
}

/// An administrator by a role of his own.
struct Chief {
    email: String,
    user: String,
    role: String,
    role_key: String,
}

impl Chief {
    async fn new(admin: &ApiClient, number: usize, grants: &Value) -> Result<Self> {
        let (email, role_key) = (
            format!("chief-{number}@vigie.test"),
            format!("chief-{number}"),
        );
        let role = role(admin, &role_key, grants).await?;
        let person = Person {
            email: &email,
            roles: &[&role_key],
            crm_user: None,
            team: None,
        };
        let user = person.create(admin).await?;
        Ok(Self {
            email,
            user,
            role,
            role_key,
        })
    }

    /// What takes the administration from him, one way or the other.
    fn demotion(&self, round: usize, grants: &Value) -> (Method, String, Value) {
        let user = format!("/api/admin/users/{}", self.user);
        let role = format!("/api/admin/roles/{}", self.role);
        match round % ROUNDS {
            0 => (Method::PATCH, user, json!({ "role_keys": ["viewer"] })),
            1 => (Method::PATCH, user, json!({ "status": "DISABLED" })),
            2 => (Method::PATCH, role, json!({ "permission_grants": [] })),
            _ => {
                let mut less = grants.clone();
                less[0]["scope"] = json!("GROUP");
                (Method::PATCH, role, json!({ "permission_grants": less }))
            }
        }
    }

    /// Undoes any of them.
    async fn reinstate(&self, by: &ApiClient, grants: &Value) -> Result<()> {
        let role = json!({ "permission_grants": grants });
        by.patch(&format!("/api/admin/roles/{}", self.role), &role)
            .await?;
        let user = json!({ "status": "ACTIVE", "role_keys": [self.role_key] });
        by.patch(&format!("/api/admin/users/{}", self.user), &user)
            .await?;
        Ok(())
    }

    /// Whether he can log in and still may do everything; if so, with which session.
    async fn in_force(&self, base: &str, grants: &Value) -> Option<ApiClient> {
        let api = enter(base, &self.email).await.ok()?;
        let me = api.get("/api/auth/me").await.ok()?;
        let held = me["data"]["user"]["permissions"].as_array()?;
        let all = ["read_scope", "write_scope"];
        let full = held.iter().filter(|one| {
            one["read"] == true && one["write"] == true && all.iter().all(|it| one[*it] == "ALL")
        });
        (full.count() == grants.as_array()?.len()).then_some(api)
    }
}

#[tokio::test]
async fn parallel_edits_leave_an_administrator() -> Result<()> {
    let stack = Stack::start(options().await?).await?;
    let base = stack.state().gateway_url;
    let seeded = stack.api().await?;
    let grants = everything(&seeded).await?;
    let mut chiefs = Vec::new();
    for number in 0..CHIEFS {
        chiefs.push(Chief::new(&seeded, number, &grants).await?);
    }
    // From here on it is the three among themselves.
    let own = seeded.get("/api/auth/me").await?;
    let seeded_id = text(&own["data"]["user"]["id"]);
    let resign = json!({ "role_keys": ["viewer"] });
    let path = format!("/api/admin/users/{seeded_id}");
    seeded.patch(&path, &resign).await?;

    // Each way by itself, then all of them at the same time.
    for round in 0..=ROUNDS {
        let mut callers: Vec<ApiClient> = Vec::new();
        for chief in &chiefs {
            callers.push(enter(&base, &chief.email).await?);
        }
        // Each takes it from everybody, oneself too, all at once.
        let edits = callers.iter().enumerate().flat_map(|(nth, caller)| {
            let (chiefs, grants) = (&chiefs, &grants);
            chiefs.iter().map(move |chief| async move {
                let way = if round < ROUNDS { round } else { nth + 1 };
                let (method, path, body) = chief.demotion(way, grants);
                caller.send(method, &path, Some(&body)).await
            })
        });
        let mut refused = 0;
        for answer in join_all(edits).await {
            let (status, answer) = answer?;
            // Done, the last one, or not an administrator any more.
            ensure!(
                [200, 401, 403, 409].contains(&status.as_u16()),
                "round {round}: {status}: {answer}"
            );
            refused += usize::from(status != 200);
        }
        ensure!(refused > 0, "round {round}: everybody was demoted");
        let mut left = None;
        let mut fallen = Vec::new();
        for chief in &chiefs {
            match chief.in_force(&base, &grants).await {
                Some(api) => left = Some(api),
                None => fallen.push(chief),
            }
        }
        let left = left.with_context(|| format!("round {round}: nobody is left"))?;
        for chief in fallen {
            chief.reinstate(&left, &grants).await?;
        }
    }
    stack.down().await
}
