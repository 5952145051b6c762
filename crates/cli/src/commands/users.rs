//! `vigie users`: accounts, through the public API as any administrator would.

use super::administrator;
use crate::args::{Users, UsersArgs};
use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::io::BufRead;
use url::form_urlencoded::byte_serialize;
use vigie_testkit::api::ApiClient;

/// Characters of a password that nobody is told: it is replaced by way of the reset token.
const THROWAWAY: usize = 64;

/// Runs the command.
pub async fn run(args: &UsersArgs) -> Result<()> {
    let api = administrator(&args.at).await?;
    match &args.command {
        Users::List { query } => list(&api, query.as_deref()).await,
        Users::Create {
            email,
            roles,
            password_stdin,
        } => create(&api, email, roles, *password_stdin).await,
        Users::Disable { user } => change(&api, user, json!({ "status": "DISABLED" })).await,
        Users::Roles { user, roles } => change(&api, user, json!({ "role_keys": roles })).await,
        Users::ResetLink { user } => {
            let id = find(&api, user).await?;
            reset_link(&api, &id).await
        }
    }
}

async fn list(api: &ApiClient, query: Option<&str>) -> Result<()> {
    for user in search(api, query).await? {
        show(&user);
    }
    Ok(())
}

async fn create(
    api: &ApiClient,
    email: &str,
    roles: &[String],
    password_stdin: bool,
) -> Result<()> {
    let password = if password_stdin {
        let mut line = String::new();
        std::io::stdin().lock().read_line(&mut line)?;
        line.trim_end_matches(['\r', '\n']).to_owned()
    } else {
        throwaway()
    };
    let mut body = json!({ "email": email, "password": password });
    if !roles.is_empty() {
        body["role_keys"] = json!(roles);
    }
    let answer = api.post("/api/admin/users", &body).await?;
    let user = &answer["data"]["user"];
    show(user);
    if password_stdin {
        return Ok(());
    }
    reset_link(api, text(&user["id"])).await
}

async fn change(api: &ApiClient, user: &str, change: Value) -> Result<()> {
    let id = find(api, user).await?;
    let answer = api
        .patch(&format!("/api/admin/users/{id}"), &change)
        .await?;
    show(&answer["data"]["user"]);
    Ok(())
}

async fn reset_link(api: &ApiClient, id: &str) -> Result<()> {
    let path = format!("/api/admin/users/{id}/reset-link");
    let answer = api.post(&path, &json!({})).await?;
    let data = &answer["data"];
    println!("Reset token  {}", text(&data["reset_token"]));
    println!("Good until   {}", text(&data["expires_at"]));
    Ok(())
}

/// The id of a user named by e-mail or id.
async fn find(api: &ApiClient, user: &str) -> Result<String> {
    if user.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(user.to_owned());
    }
    let email = user.trim().to_lowercase();
    let found = search(api, Some(&email)).await?;
    let found = found.iter().find(|user| text(&user["email"]) == email);
    let found = found.with_context(|| format!("no user with the e-mail {email}"))?;
    Ok(text(&found["id"]).to_owned())
}

async fn search(api: &ApiClient, query: Option<&str>) -> Result<Vec<Value>> {
    let path = match query {
        Some(query) => {
            let query: String = byte_serialize(query.as_bytes()).collect();
            format!("/api/admin/users?q={query}")
        }
        None => "/api/admin/users".to_owned(),
    };
    let mut answer = api.get(&path).await?;
    match answer["data"]["users"].take() {
        Value::Array(users) => Ok(users),
        _ => anyhow::bail!("the answer lists no users"),
    }
}

fn show(user: &Value) {
    let roles = user["roles"].as_array().into_iter().flatten();
    let roles: Vec<_> = roles.map(text).collect();
    println!(
        "{:>6}  {:8}  {:40}  {}",
        text(&user["id"]),
        text(&user["status"]),
        text(&user["email"]),
        roles.join(", ")
    );
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn throwaway() -> String {
    let letter = |_| char::from(rand::random_range(b'a'..=b'z'));
    (0..THROWAWAY).map(letter).collect()
}
