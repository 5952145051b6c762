//! What was taken back is gone everywhere within a minute, and what was not goes on.

use super::confusion::questions;
use super::direct::{Direct, Rpc};
use super::people::{OFFICE, PASSWORD, Person, WORK, enter, grants, role};
use crate::spine::options;
use anyhow::{Context, Result, ensure};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures::StreamExt;
use futures::future::join_all;
use prost::Message;
use reqwest::{Client, Method, Response};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use tonic::Code;
use vigie_contracts::auth::v1::{GetPrincipalRequest, GetPrincipalResponse};
use vigie_testkit::api::{ApiClient, http_client, text};
use vigie_testkit::stack::{Service, Stack};
use vigie_testkit::wait;

/// What is promised (identity.md W2).
const PROMISED: Duration = Duration::from_secs(60);
const AT_ONCE: usize = 50;

struct World {
    stack: Stack,
    admin: ApiClient,
    base: String,
    gateway: Direct,
    automation: Direct,
}

impl World {
    async fn new() -> Result<Self> {
        let options = options().await?;
        let home = options.home.clone();
        let stack = Stack::start(options).await?;
        let admin = stack.api().await?;
        let every: Vec<&str> = WORK.into_iter().chain(OFFICE).collect();
        role(&admin, "every", &grants(&every, "ALL")).await?;
        Ok(Self {
            base: stack.state().gateway_url,
            gateway: Direct::of(&stack, &home, Service::Gateway).await?,
            automation: Direct::of(&stack, &home, Service::Automation).await?,
            admin,
            stack,
        })
    }

    /// Somebody who may do everything; the id.
    async fn person(&self, email: &str) -> Result<String> {
        let person = Person {
            email,
            roles: &["every"],
            crm_user: None,
            team: None,
        };
        person.create(&self.admin).await
    }

    /// Whether a token is refused by the gateway and by each service: its name, else nothing.
    async fn takers(&self, token: &str) -> Result<Vec<String>> {
        let mut takers = Vec::new();
        let api = ApiClient::new(&self.base)?;
        api.use_token(token);
        let (status, _) = api.send(Method::GET, "/api/audit-configs", None).await?;
        if status != 401 {
            takers.push("gateway".to_owned());
        }
        for rpc in questions() {
            let answer = self.gateway.call(&rpc, Some(token)).await;
            if answer.map_or_else(|status| status.code(), |_| Code::Ok) != Code::Unauthenticated {
                takers.push(rpc.service.to_string());
            }
        }
        Ok(takers)
    }

    async fn refused_everywhere(&self, what: &str, token: &str) -> Result<()> {
        let since = Instant::now();
        wait::until(what, PROMISED, async || {
            let takers = self.takers(token).await?;
            ensure!(takers.is_empty(), "still taken by {takers:?}");
            Ok(Some(()))
        })
        .await?;
        println!(
            "{what}: refused everywhere after {} ms",
            since.elapsed().as_millis()
        );
        Ok(())
    }

    async fn taken_everywhere(&self, token: &str) -> Result<()> {
        let takers = self.takers(token).await?;
        ensure!(
            takers.len() == questions().len() + 1,
            "taken by {takers:?} only"
        );
        Ok(())
    }

    /// What automation is told of a user, by the real auth.
    async fn principal(&self, id: &str) -> Result<GetPrincipalResponse> {
        let message = GetPrincipalRequest {
            user_id: id.to_owned(),
        };
        let path = "/vigie.auth.v1.PrincipalService/GetPrincipal";
        let rpc = Rpc::new(Service::Auth, path, &message);
        let answer = self.automation.call(&rpc, None).await?;
        Ok(GetPrincipalResponse::decode(answer)?)
    }
}

fn claims(token: &str) -> Result<Value> {
    let claims = token.split('.').nth(1).context("a token has claims")?;
    Ok(serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims)?)?)
}

fn token(api: &ApiClient) -> Result<String> {
    api.token().context("logged in")
}

/// An open event stream of this caller.
async fn stream(base: &str, token: &str) -> Result<Response> {
    let stream = http_client()?.get(format!("{base}/api/realtime/stream?channels=global"));
    let answer = stream.bearer_auth(token).send().await?;
    ensure!(answer.status().is_success(), "{}", answer.status());
    Ok(answer)
}

/// Reads a stream to its end.
async fn closes(what: &str, stream: Response) -> Result<()> {
    let mut body = stream.bytes_stream();
    let end = async { while let Some(Ok(_)) = body.next().await {} };
    let ended = tokio::time::timeout(PROMISED, end).await;
    ended.with_context(|| format!("{what}: the stream goes on"))
}

async fn disabled(world: &World) -> Result<()> {
    let id = world.person("gone@vigie.test").await?;
    let api = enter(&world.base, "gone@vigie.test").await?;
    let token = token(&api)?;
    world.taken_everywhere(&token).await?;
    let principal = world.principal(&id).await?;
    ensure!(
        principal.active && principal.email == "gone@vigie.test",
        "{principal:?}"
    );
    let live = stream(&world.base, &token).await?;
    let off = json!({ "status": "DISABLED" });
    world
        .admin
        .patch(&format!("/api/admin/users/{id}"), &off)
        .await?;
    tokio::try_join!(
        world.refused_everywhere("a disabled user", &token),
        closes("a disabled user", live),
    )?;
    ensure!(!world.principal(&id).await?.active, "automation may go on");
    ensure!(
        enter(&world.base, "gone@vigie.test").await.is_err(),
        "logged in"
    );
    Ok(())
}

async fn one_session(world: &World) -> Result<()> {
    world.person("two@vigie.test").await?;
    let (ended, kept) = tokio::try_join!(
        enter(&world.base, "two@vigie.test"),
        enter(&world.base, "two@vigie.test"),
    )?;
    let (ended, kept_token) = (token(&ended)?, token(&kept)?);
    let (ends, stays) = tokio::try_join!(
        stream(&world.base, &ended),
        stream(&world.base, &kept_token)
    )?;
    let sid = text(&claims(&ended)?["sid"]);
    let path = format!("/api/auth/sessions/{sid}");
    kept.call(Method::DELETE, &path, None).await?;
    tokio::try_join!(
        world.refused_everywhere("an ended session", &ended),
        closes("an ended session", ends),
    )?;
    world
        .taken_everywhere(&kept_token)
        .await
        .context("the other session")?;
    kept.post("/api/auth/logout-all", &json!({})).await?;
    tokio::try_join!(
        world.refused_everywhere("a user logged out everywhere", &kept_token),
        closes("a user logged out everywhere", stays),
    )?;
    Ok(())
}

async fn role_change(world: &World) -> Result<()> {
    let id = world.person("role@vigie.test").await?;
    let before = token(&enter(&world.base, "role@vigie.test").await?)?;
    let change = json!({ "role_keys": ["viewer"] });
    world
        .admin
        .patch(&format!("/api/admin/users/{id}"), &change)
        .await?;
    world.refused_everywhere("a changed role", &before).await?;
    let after = token(&enter(&world.base, "role@vigie.test").await?)?;
    let (before, after) = (claims(&before)?, claims(&after)?);
    ensure!(
        after["ver"].as_i64() > before["ver"].as_i64(),
        "{before} {after}"
    );
    ensure!(after["roles"] == json!(["viewer"]), "{after}");
    let principal = world.principal(&id).await?;
    ensure!(principal.roles == ["viewer"], "{principal:?}");
    Ok(())
}

/// What a refresh or login answers: its status, the access token and the refresh token.
async fn session(answer: Response) -> Result<(u16, Option<(String, String)>)> {
    let status = answer.status().as_u16();
    let cookie = answer.headers().get("set-cookie").cloned();
    let body: Value = answer.json().await?;
    let Some(access) = body["data"]["access_token"].as_str() else {
        return Ok((status, None));
    };
    let cookie = cookie.context("no cookie")?;
    let (_, rest) = cookie
        .to_str()?
        .split_once('=')
        .context("a cookie has a value")?;
    let refresh = rest.split(';').next().unwrap_or_default();
    Ok((status, Some((access.to_owned(), refresh.to_owned()))))
}

async fn refresh(
    http: &Client,
    base: &str,
    token: &str,
) -> Result<(u16, Option<(String, String)>)> {
    let body = json!({ "refresh_token": token });
    let request = http.post(format!("{base}/api/auth/refresh")).json(&body);
    session(request.send().await?).await
}

async fn refreshes(world: &World) -> Result<()> {
    world.person("many@vigie.test").await?;
    let http = http_client()?;
    let login = json!({ "email": "many@vigie.test", "password": PASSWORD });
    let login = http
        .post(format!("{}/api/auth/login", world.base))
        .json(&login);
    let (_, first) = session(login.send().await?).await?;
    let (_, first) = first.context("logged in")?;

    let all = (0..AT_ONCE).map(|_| refresh(&http, &world.base, &first));
    let mut winners = Vec::new();
    let mut counts: BTreeMap<u16, usize> = BTreeMap::new();
    for answer in join_all(all).await {
        let (status, session) = answer?;
        *counts.entry(status).or_default() += 1;
        winners.extend(session);
    }
    ensure!(
        counts == BTreeMap::from([(200, 1), (401, AT_ONCE - 1)]),
        "{counts:?}"
    );
    let (access, second) = winners.pop().context("no winner")?;
    world
        .taken_everywhere(&access)
        .await
        .context("the winner's session")?;
    let (status, third) = refresh(&http, &world.base, &second).await?;
    let (access, third) = third.with_context(|| format!("the winner's refresh: {status}"))?;
    world.taken_everywhere(&access).await?;
    // The successor is in use: the first token can only be in somebody else's hands.
    let live = stream(&world.base, &access).await?;
    let (status, _) = refresh(&http, &world.base, &first).await?;
    ensure!(status == 401, "a used token: {status}");
    let (status, _) = refresh(&http, &world.base, &third).await?;
    ensure!(status == 401, "the family lives: {status}");
    tokio::try_join!(
        world.refused_everywhere("a family that was used twice", &access),
        closes("a family that was used twice", live),
    )?;
    Ok(())
}

#[tokio::test]
async fn what_is_taken_back_is_gone_everywhere() -> Result<()> {
    let world = World::new().await?;
    let admin = token(&world.admin)?;
    world.taken_everywhere(&admin).await?;
    disabled(&world).await.context("disabled")?;
    one_session(&world).await.context("a session")?;
    role_change(&world).await.context("a role")?;
    refreshes(&world).await.context("refreshes")?;
    // Nobody else was meant.
    world.taken_everywhere(&admin).await?;
    world.stack.down().await
}
