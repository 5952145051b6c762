//! Invariant 9: what must stay secret is in no log and in no message.

use super::automation::run_to_its_end;
use super::ear::{Ear, Said, logs, stored};
use super::tokens::Mint;
use super::{COMPLIANT, PRESSURE, UNANNOUNCED, audit, check_complete, database, fiche_at, options};
use anyhow::{Context, Result, ensure};
use reqwest::Method;
use serde_json::{Value, json};
use vigie_testkit::Schema;
use vigie_testkit::api::{ApiClient, text};
use vigie_testkit::stack::{Home, Service, Simulator, Stack, StackState};

const CRM_TOKEN: &str = "crm-7d1f0a44c2be4c0f";
const MACHINE_TOKEN: &str = "machine-5b8e21d09a7c4e66";
const WRONG_PASSWORD: &str = "Tr0mpe-8c21f0e7";

/// A transcript's sentence that is worth looking for.
const LONG_ENOUGH: usize = 30;

/// What the stack was given, and what it gave.
struct Secrets(Vec<(&'static str, String)>);

impl Secrets {
    fn of(home: &Home, state: &StackState) -> Result<Self> {
        let own = home.secrets()?;
        let mut all = vec![
            ("the administrator's password", state.admin.password.clone()),
            ("a wrong password", WRONG_PASSWORD.to_owned()),
            ("the encryption key", own.encryption_key.clone()),
            ("the key of speech and model", own.simulator_key.clone()),
            ("the CRM's token", CRM_TOKEN.to_owned()),
            ("a machine's token", MACHINE_TOKEN.to_owned()),
        ];
        let internal =
            Service::ALL.map(|service| ("a service's secret", own.internal(service).to_owned()));
        all.extend(internal);
        Ok(Self(all))
    }

    fn add(&mut self, what: &'static str, secret: &str) {
        self.0.push((what, secret.to_owned()));
    }

    fn check(&self, said: &[Said]) -> Result<()> {
        for Said { place, text } in said {
            for (what, secret) in &self.0 {
                ensure!(secret.len() > 5, "{what} is no secret");
                ensure!(!text.contains(secret.as_str()), "{what} in {place}");
            }
            // Every JWT begins with `{"` in base64; internal tokens are never seen by this test.
            let mut words = text.split(|c: char| !c.is_ascii_alphanumeric() && !"-_.".contains(c));
            let token =
                words.find(|word| word.starts_with("eyJ") && word.matches('.').count() == 2);
            ensure!(token.is_none(), "a token in {place}: {token:?}");
        }
        Ok(())
    }
}

/// A session through all its doors; returns what must stay secret of it.
async fn sign_in(stack: &Stack, home: &Home, secrets: &mut Secrets) -> Result<()> {
    let StackState {
        admin, gateway_url, ..
    } = stack.state();
    let stranger = ApiClient::new(&gateway_url)?;
    let body = json!({ "email": admin.email, "password": admin.password });
    let login = stranger
        .request(Method::POST, "/api/auth/login")
        .json(&body);
    let (access, refresh) = session(login).await?;
    let cookie = format!("refresh_token={refresh}");
    let renewed = stranger
        .request(Method::POST, "/api/auth/refresh")
        .header("cookie", &cookie)
        .json(&json!({}));
    let (next_access, next_refresh) = session(renewed).await?;
    // The first one again: refused, and the session ends.
    let stolen = stranger
        .request(Method::POST, "/api/auth/refresh")
        .header("cookie", &cookie)
        .json(&json!({}));
    ensure!(stolen.send().await?.status() == 401, "a used refresh token");

    let wrong = json!({ "email": admin.email, "password": WRONG_PASSWORD });
    let (status, _) = stranger
        .send(Method::POST, "/api/auth/login", Some(&wrong))
        .await?;
    ensure!(status == 401, "a wrong password: {status}");
    let mint = Mint::of(stack, home, &access).await?;
    let (expired, elsewhere) = (mint.expired()?, mint.with(json!({ "aud": "elsewhere" }))?);
    let forged = format!("{access}AAAA");
    for token in [&forged, &expired, &elsewhere, &WRONG_PASSWORD.to_owned()] {
        stranger.use_token(token);
        let (status, _) = stranger.send(Method::GET, "/api/audits", None).await?;
        ensure!(status == 401, "a bad token: {status}");
        // In a place where no token belongs.
        let (status, _) = stranger
            .send(
                Method::GET,
                &format!("/api/realtime/stream?channels=audit-1&ticket={token}"),
                None,
            )
            .await?;
        ensure!(status == 401, "a bad ticket: {status}");
    }
    stranger.use_token(MACHINE_TOKEN);
    stranger.get("/api/auth/me").await.ok();
    for token in [
        access,
        refresh,
        next_access,
        next_refresh,
        forged,
        expired,
        elsewhere,
    ] {
        secrets.add("a session's token", &token);
    }
    Ok(())
}

async fn session(request: reqwest::RequestBuilder) -> Result<(String, String)> {
    let answer = request.send().await?.error_for_status()?;
    let cookie = answer
        .headers()
        .get("set-cookie")
        .context("a cookie")?
        .to_str()?;
    let refresh = cookie
        .split(['=', ';'])
        .nth(1)
        .context("its value")?
        .to_owned();
    let body: Value = answer.json().await?;
    Ok((text(&body["data"]["access_token"]), refresh))
}

/// Sentences of all transcripts, as a message or a log would hold them.
async fn sentences(stack: &Stack) -> Result<Vec<String>> {
    let chunks: Vec<String> =
        sqlx::query_scalar("SELECT full_text FROM recording_transcription_chunks")
            .fetch_all(&mut database(stack, Schema::Transcription).await?)
            .await?;
    let sentences = chunks
        .iter()
        .flat_map(|chunk| chunk.split(['.', '?', '!', '\n', ':']));
    let long = sentences
        .map(str::trim)
        .filter(|it| it.chars().count() >= LONG_ENOUGH);
    let found: Vec<String> = long.map(str::to_owned).collect();
    ensure!(found.len() > 100, "{} sentences", found.len());
    Ok(found)
}

/// Faults whose answers say more than they should.
async fn gossip(stack: &Stack, home: &Home, fiche: &str) -> Result<()> {
    let key = home.secrets()?.simulator_key;
    let crm = json!({ "kind": "status", "status": 500, "count": 2, "match": fiche,
        "body": { "error": format!("denied for Bearer {CRM_TOKEN}") } });
    stack.fault(Simulator::Crm, &crm).await?;
    let speech = json!({ "kind": "status", "status": 500, "count": 1,
        "body": { "detail": { "status": "broken", "message": format!("xi-api-key {key}") } } });
    stack.fault(Simulator::Speech, &speech).await?;
    let echo = json!({ "error": { "message": format!("Incorrect API key {key}"), "code": "server_error" } });
    let model = json!({ "kind": "status", "status": 500, "count": 1, "body": echo });
    stack.fault(Simulator::Model, &model).await?;
    let shape = json!({ "kind": "schema_violation", "count": 3 });
    stack.fault(Simulator::Model, &shape).await
}

#[tokio::test]
async fn no_secret_and_no_transcript_is_logged_or_sent() -> Result<()> {
    let mut options = options()
        .await?
        .with_env("LOG_LEVEL", "trace")
        .with_env("FICHE_API_AUTH_TOKEN", CRM_TOKEN)
        .with_env("API_AUTH_TOKEN", MACHINE_TOKEN);
    let home = options.home.clone();
    let key = home.secrets()?.simulator_key;
    let keys = [
        ("--crm-token", CRM_TOKEN),
        ("--stt-key", &key),
        ("--llm-key", &key),
    ];
    for (name, value) in keys {
        options
            .simulator_args
            .extend([name.to_owned(), value.to_owned()]);
    }
    let stack = Stack::start(options).await?;
    let state = stack.state();
    let ear = Ear::at(&state.nats_url).await?;
    let mut secrets = Secrets::of(&home, &state)?;

    sign_in(&stack, &home, &mut secrets).await?;
    let api = stack.api().await?;
    secrets.add("an access token", &api.token().context("logged in")?);
    let fiche = fiche_at(&api, COMPLIANT).await?;
    gossip(&stack, &home, &fiche).await?;
    check_complete(&audit(&api, &fiche, |_| {}).await?)?;
    // What the CRM does not give, what nobody can hear, what the model refuses, and a schedule.
    let refused = json!({ "kind": "status", "status": 400, "count": 1,
        "body": { "error": { "message": format!("your key {key}"), "code": "bad_request" } } });
    let other = fiche_at(&api, UNANNOUNCED).await?;
    stack.fault(Simulator::Model, &refused).await?;
    check_complete(&audit(&api, &other, |_| {}).await?)?;
    stack.fault(Simulator::Speech, &refused).await?;
    let unheard = fiche_at(&api, PRESSURE).await?;
    let fiches = [unheard.as_str(), "99999999"];
    run_to_its_end(&api, &fiches).await?;

    let sentences = sentences(&stack).await?;
    let stored = stored(&state.nats_url).await?;
    stack.down().await?;
    let (logs, heard) = (logs(&state)?, ear.heard());
    // A secret would be found: these are the places where it might be.
    for (all, known) in [(&logs, "DEBUG"), (&stored, &fiche), (&heard, &fiche)] {
        ensure!(all.iter().any(|it| it.text.contains(known)), "no {known}");
    }
    let quotes = |it: &Said| sentences.iter().any(|said| it.text.contains(said.as_str()));
    ensure!(heard.iter().any(quotes), "nothing was quoted");
    for all in [&logs, &stored, &heard] {
        secrets.check(all)?;
    }
    for Said { place, text } in &logs {
        let told = sentences.iter().find(|it| text.contains(it.as_str()));
        ensure!(told.is_none(), "{place} tells {told:?}");
    }
    for message in stored.iter().chain(&heard) {
        only_quoted(message, &sentences)?;
    }
    Ok(())
}

/// A step's result cites its evidence word for word; nothing else travels of a transcript.
fn only_quoted(Said { place, text }: &Said, sentences: &[String]) -> Result<()> {
    let text = if place.starts_with("event.audit.step.analyzed.") {
        let mut message: Value = serde_json::from_str(text).context("a step's result")?;
        forget_quotes(&mut message);
        message.to_string()
    } else {
        text.clone()
    };
    let told = sentences.iter().find(|it| text.contains(it.as_str()));
    ensure!(told.is_none(), "{place} tells {told:?}");
    Ok(())
}

fn forget_quotes(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.remove("citations");
            fields.values_mut().for_each(forget_quotes);
        }
        Value::Array(items) => items.iter_mut().for_each(forget_quotes),
        _ => {}
    }
}
