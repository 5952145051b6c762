//! Whatever administrators do to each other at the same time, one is left.

use super::people::{Person, enter};
use crate::spine::options;
use anyhow::{Context, Result, ensure};
use futures::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use vigie_testkit::api::{ApiClient, text};
use vigie_testkit::stack::Stack;

const ROUNDS: usize = 3;

/// Who is an administrator and may log in.
fn admins(users: &Value) -> Vec<String> {
    let users = users["data"]["users"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let admins = users.iter().filter(|user| {
        let roles = user["roles"].as_array().cloned().unwrap_or_default();
        let is_admin = roles
            .iter()
            .any(|role| role == "admin" || role["key"] == "admin");
        is_admin && user["status"] == "ACTIVE"
    });
    admins.map(|user| text(&user["email"])).collect()
}

#[tokio::test]
async fn parallel_edits_leave_an_administrator() -> Result<()> {
    let stack = Stack::start(options().await?).await?;
    let base = stack.state().gateway_url;
    let seeded = stack.api().await?;
    let own = seeded.get("/api/auth/me").await?;
    let mut people = Vec::new();
    for number in 0..3 {
        let email = format!("chief-{number}@vigie.test");
        let person = Person {
            email: &email,
            roles: &["admin"],
            crm_user: None,
            team: None,
        };
        people.push((person.create(&seeded).await?, email));
    }
    // From here on it is the three among themselves.
    let resign = json!({ "role_keys": ["viewer"] });
    let seeded_id = text(&own["data"]["user"]["id"]);
    seeded
        .patch(&format!("/api/admin/users/{seeded_id}"), &resign)
        .await?;

    for round in 0..ROUNDS {
        let mut callers: Vec<ApiClient> = Vec::new();
        for (_, email) in &people {
            callers.push(enter(&base, email).await?);
        }
        let change = if round % 2 == 0 {
            resign.clone()
        } else {
            json!({ "status": "DISABLED" })
        };
        // Each takes it from everybody, oneself too, all at once.
        let edits = callers.iter().flat_map(|caller| {
            let change = &change;
            people.iter().map(move |(id, _)| async move {
                let path = format!("/api/admin/users/{id}");
                caller.send(Method::PATCH, &path, Some(change)).await
            })
        });
        let mut refused = 0;
        for answer in join_all(edits).await {
            let (status, answer) = answer?;
            // Done, the last one, or not an administrator any more.
            ensure!(
                [200, 401, 403, 409].contains(&status.as_u16()),
                "{status}: {answer}"
            );
            refused += usize::from(status != 200);
        }
        ensure!(refused > 0, "everybody was demoted");
        let mut left = None;
        for (_, email) in &people {
            if let Ok(api) = enter(&base, email).await
                && let Ok(users) = api.get("/api/admin/users").await
            {
                left = Some((api, users));
            }
        }
        let (api, users) = left.with_context(|| format!("round {round}: nobody is left"))?;
        ensure!(!admins(&users).is_empty(), "{users}");
        for (id, _) in &people {
            let again = json!({ "status": "ACTIVE", "role_keys": ["admin"] });
            api.patch(&format!("/api/admin/users/{id}"), &again).await?;
        }
    }
    stack.down().await
}
