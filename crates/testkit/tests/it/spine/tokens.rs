//! Tokens signed with the installation's own key: only what they say is wrong.

use super::refusals::check;
use super::{database, options};
use anyhow::{Context, Result};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::Row;
use vigie_sealed::SealingKeys;
use vigie_testkit::Schema;
use vigie_testkit::api::ApiClient;
use vigie_testkit::stack::{Home, Stack};

/// Signs as auth does.
pub(crate) struct Mint {
    key: EncodingKey,
    header: Header,
    claims: Value,
}

impl Mint {
    /// With auth's key, and the claims of this token.
    pub(crate) async fn of(stack: &Stack, home: &Home, token: &str) -> Result<Self> {
        let row = sqlx::query("SELECT kid, private_key FROM signing_keys WHERE retired_at IS NULL")
            .fetch_one(&mut database(stack, Schema::Auth).await?)
            .await?;
        let sealing = SealingKeys::parse(&home.secrets()?.encryption_key.into())?;
        let der = sealing.open("signing-key", &row.try_get::<Vec<u8>, _>("private_key")?)?;
        let claims = token.split('.').nth(1).context("a token has claims")?;
        Ok(Self {
            key: EncodingKey::from_ed_der(&der),
            header: Header {
                typ: Some("at+jwt".to_owned()),
                kid: Some(row.try_get("kid")?),
                ..Header::new(Algorithm::EdDSA)
            },
            claims: serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims)?)?,
        })
    }

    /// A token that differs from the real one in these claims.
    pub(crate) fn with(&self, changes: Value) -> Result<String> {
        let mut claims = self.claims.clone();
        let (Value::Object(claims), Value::Object(changes)) = (&mut claims, changes) else {
            anyhow::bail!("claims are an object");
        };
        claims.extend(changes);
        Ok(jsonwebtoken::encode(&self.header, claims, &self.key)?)
    }

    /// A token that was good until a minute ago: longer than clocks may differ.
    pub(crate) fn expired(&self) -> Result<String> {
        let now = chrono::Utc::now().timestamp();
        self.with(json!({ "iat": now - 960, "exp": now - 60 }))
    }

    /// A token without one of its claims.
    pub(crate) fn without(&self, claim: &str) -> Result<String> {
        let mut claims = self.claims.clone();
        claims
            .as_object_mut()
            .context("claims are an object")?
            .remove(claim);
        Ok(jsonwebtoken::encode(&self.header, &claims, &self.key)?)
    }

    /// The same claims and key id under a shared secret: what a verifier takes that lets the token
    /// choose how it is verified, and has the secret published.
    pub(crate) fn by_secret(&self, secret: &[u8]) -> Result<String> {
        let mut header = self.header.clone();
        header.alg = Algorithm::HS256;
        let key = EncodingKey::from_secret(secret);
        Ok(jsonwebtoken::encode(&header, &self.claims, &key)?)
    }

    /// The same claims, signed by nobody.
    pub(crate) fn by_nobody(&self, algorithm: &str) -> Result<String> {
        let head = json!({ "alg": algorithm, "typ": "at+jwt", "kid": self.header.kid });
        let part = |value: &Value| -> Result<String> {
            Ok(URL_SAFE_NO_PAD.encode(serde_json::to_vec(value)?))
        };
        Ok(format!("{}.{}.", part(&head)?, part(&self.claims)?))
    }

    pub(crate) fn headed(&self, change: impl FnOnce(&mut Header)) -> Result<String> {
        let mut header = self.header.clone();
        change(&mut header);
        Ok(jsonwebtoken::encode(&header, &self.claims, &self.key)?)
    }
}

#[tokio::test]
async fn only_tokens_for_here_and_now_are_taken() -> Result<()> {
    let options = options().await?;
    let home = options.home.clone();
    let stack = Stack::start(options).await?;
    let token = stack.api().await?.token().context("logged in")?;
    let mint = Mint::of(&stack, &home, &token).await?;
    let caller = ApiClient::new(&stack.state().gateway_url)?;

    // Signed by this test, as auth would have: taken, so that it is the difference that is refused.
    caller.use_token(&mint.with(json!({}))?);
    caller.get("/api/audits").await?;

    let now = chrono::Utc::now().timestamp();
    let long = json!({ "iat": now, "exp": now + 10 * 365 * 86_400 });
    let refused = [
        ("expired", mint.expired()?),
        ("for others", mint.with(json!({ "aud": "elsewhere" }))?),
        (
            "for a service",
            mint.with(json!({ "aud": "audit-orchestrator" }))?,
        ),
        ("by others", mint.with(json!({ "iss": "elsewhere" }))?),
        (
            "of tomorrow",
            mint.with(json!({ "iat": now + 3600, "exp": now + 7200 }))?,
        ),
        ("for years", mint.with(long)?),
        ("of nobody", mint.with(json!({ "sub": "" }))?),
        ("of no session", mint.with(json!({ "sid": "" }))?),
        (
            "of another kind",
            mint.headed(|header| header.typ = Some("internal+jwt".to_owned()))?,
        ),
        (
            "of an unknown key",
            mint.headed(|header| header.kid = Some("nobody's".to_owned()))?,
        ),
    ];
    let body = json!({ "fiche_id": "1", "audit_config_id": 1 });
    for (what, token) in refused {
        caller.use_token(&token);
        for request in [
            (Method::GET, "/api/audits", None),
            (Method::GET, "/api/auth/me", None),
            (Method::GET, "/api/realtime/stream?channels=audit-1", None),
            (Method::POST, "/api/audits/run", Some(body.clone())),
        ] {
            let answer = check(&caller, request, (401, "AUTHENTICATION_ERROR")).await;
            answer.context(what)?;
        }
    }
    let list = stack.api().await?.audits("limit=10").await?;
    assert_eq!(list["pagination"]["total"], 0, "nothing was written");
    stack.down().await
}
