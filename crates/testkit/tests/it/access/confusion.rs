//! Requests that mean something else to each of their readers: tokens, headers, sizes and paths.

use super::direct::{Direct, Rpc};
use super::people::enter;
use crate::spine::options;
use crate::spine::tokens::Mint;
use anyhow::{Context, Result};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tonic::Code;
use vigie_contracts::{audit, auth, automation, fiche, transcription};
use vigie_testkit::api::{ApiClient, http_client};
use vigie_testkit::stack::{Home, Service, Stack};

/// A question of each service that whoever may do everything gets an answer to.
pub fn questions() -> Vec<Rpc> {
    vec![
        Rpc::new(
            Service::Auth,
            "/vigie.auth.v1.AuthService/GetMe",
            &auth::v1::GetMeRequest {},
        ),
        Rpc::new(
            Service::FicheCache,
            "/vigie.fiche.v1.FicheJobService/ListFetchJobs",
            &fiche::v1::ListFetchJobsRequest::default(),
        ),
        Rpc::new(
            Service::Transcription,
            "/vigie.transcription.v1.TranscriptionService/ListTranscripts",
            &transcription::v1::ListTranscriptsRequest::default(),
        ),
        Rpc::new(
            Service::AuditOrchestrator,
            "/vigie.audit.v1.AuditService/ListConfigs",
            &audit::v1::ListConfigsRequest::default(),
        ),
        Rpc::new(
            Service::Automation,
            "/vigie.automation.v1.AutomationService/ListSchedules",
            &automation::v1::ListSchedulesRequest::default(),
        ),
    ]
}

/// The status line of an answer to a request that no client library would send.
async fn raw(base: &str, request: &str) -> Result<u16> {
    let address = base.trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    let mut chunk = [0; 1024];
    while !answer.contains(&b'\n') {
        match stream.read(&mut chunk).await {
            Ok(0) | Err(_) => break,
            Ok(read) => answer.extend_from_slice(&chunk[..read]),
        }
    }
    // Whoever hangs up without a word has refused.
    let line = String::from_utf8_lossy(&answer);
    let status = line.split(' ').nth(1).and_then(|word| word.parse().ok());
    Ok(status.unwrap_or(400))
}

async fn tokens(stack: &Stack, home: &Home) -> Result<()> {
    let base = stack.state().gateway_url;
    let good = stack.api().await?.token().context("logged in")?;
    let mint = Mint::of(stack, home, &good).await?;
    let direct = Direct::of(stack, home, Service::Gateway).await?;
    let jwks = http_client()?.get(format!("{base}/.well-known/jwks.json"));
    let jwks: serde_json::Value = jwks.send().await?.json().await?;
    let published = jwks["keys"][0]["x"]
        .as_str()
        .context("no key is published")?;
    let now = chrono::Utc::now().timestamp();
    let mut bad = vec![
        ("by nobody", mint.by_nobody("none")?),
        ("by Nobody", mint.by_nobody("nOnE")?),
        ("by nobody, as if signed", mint.by_nobody("EdDSA")?),
        (
            "by the public key's text",
            mint.by_secret(published.as_bytes())?,
        ),
        (
            "by the public key",
            mint.by_secret(&URL_SAFE_NO_PAD.decode(published)?)?,
        ),
        ("by an empty secret", mint.by_secret(b"")?),
        ("by others", mint.with(json!({ "iss": "elsewhere" }))?),
        ("for others", mint.with(json!({ "aud": "elsewhere" }))?),
        (
            "for one of the services",
            mint.with(json!({ "aud": "auth" }))?,
        ),
        ("that ended", mint.expired()?),
        (
            "that never ends",
            mint.with(json!({ "exp": now + 400 * 86_400 }))?,
        ),
    ];
    for claim in ["exp", "iat", "sub", "sid", "jti", "aud", "iss"] {
        bad.push((claim, mint.without(claim)?));
    }
    for kid in ["", "../../etc/passwd", "' OR 1=1 --", "nobody's"] {
        let other = mint.headed(|header| header.kid = Some(kid.to_owned()))?;
        bad.push((kid, other));
    }
    bad.push(("without a key id", mint.headed(|header| header.kid = None)?));
    let carried = |header: &mut jsonwebtoken::Header| {
        header.jku = Some("https://evil.example.test/jwks.json".to_owned());
        header.kid = Some("theirs".to_owned());
    };
    bad.push(("that brings its keys", mint.headed(carried)?));

    let caller = ApiClient::new(&base)?;
    let same = mint.with(json!({}))?;
    caller.use_token(&same);
    caller
        .get("/api/audits")
        .await
        .context("signed as auth does")?;
    for rpc in questions() {
        let answer = direct.call(&rpc, Some(&same)).await;
        answer.with_context(|| rpc.path)?;
    }
    for (what, token) in &bad {
        caller.use_token(token);
        for path in ["/api/audits", "/api/auth/me", "/api/admin/users"] {
            let (status, answer) = caller.send(reqwest::Method::GET, path, None).await?;
            let found = (status.as_u16(), answer["code"].as_str());
            assert_eq!(found, (401, Some("AUTHENTICATION_ERROR")), "{what}: {path}");
        }
        for rpc in questions() {
            let answer = direct.call(&rpc, Some(token)).await;
            let code = answer.map_or_else(|status| status.code(), |_| Code::Ok);
            assert_eq!(code, Code::Unauthenticated, "{what}: {}", rpc.path);
            // Neither is any of them, nor a good one of a user, an internal token.
            for internal in [token, &good] {
                let answer = direct.send(&rpc, Some(internal), Some(&good)).await;
                let code = answer.map_or_else(|status| status.code(), |_| Code::Ok);
                assert_eq!(code, Code::Unauthenticated, "{what}: {}", rpc.path);
            }
        }
    }
    Ok(())
}

async fn headers(stack: &Stack) -> Result<()> {
    let base = stack.state().gateway_url;
    let http = http_client()?;
    let good = stack.api().await?.token().context("logged in")?;
    let bearer = format!("Bearer {good}");
    let get = || http.get(format!("{base}/api/audits"));
    // What only services say to each other is nothing at the door.
    for (name, value) in [
        ("x-vigie-internal", good.as_str()),
        ("x-forwarded-user", "1"),
        ("x-user-id", "1"),
        ("x-original-url", "/health"),
        ("x-http-method-override", "OPTIONS"),
    ] {
        let status = get().header(name, value).send().await?.status();
        assert_eq!(status, 401, "{name}");
    }
    // Two readers may choose different ones of two credentials.
    for path in ["/api/audits", "/api/auth/me", "/api/nothing", "/health"] {
        for [first, second] in [[&*bearer, "Bearer x"], ["Bearer x", &bearer], [&*bearer; 2]] {
            let twice = http.get(format!("{base}{path}"));
            let twice = twice.header("authorization", first);
            let answer = twice.header("authorization", second).send().await?;
            assert_eq!(answer.status(), 400, "{path}");
            let answer: serde_json::Value = answer.json().await?;
            assert_eq!(answer["code"], "VALIDATION_ERROR", "{path}");
        }
    }
    // An id that is no id is replaced, not repeated.
    let odd = "a b\u{e9}<script>";
    let answer = get()
        .header("authorization", &bearer)
        .header("x-request-id", odd);
    let answer = answer.send().await?;
    assert!(answer.status().is_success());
    let id = answer
        .headers()
        .get("x-request-id")
        .context("no request id")?;
    assert!(id.as_bytes() != odd.as_bytes() && !id.is_empty());
    // Where a session comes from is seen, not told.
    let admin = stack.state().admin;
    let login = json!({ "email": admin.email, "password": admin.password });
    let login = http.post(format!("{base}/api/auth/login")).json(&login);
    let login = login
        .header("x-client-address", "203.0.113.9")
        .header("x-forwarded-for", "203.0.113.9")
        .header("forwarded", "for=203.0.113.9");
    login.send().await?.error_for_status()?;
    let sessions = stack.api().await?.get("/api/auth/sessions").await?;
    assert!(!sessions.to_string().contains("203.0.113.9"), "{sessions}");

    let host = "Host: vigie.test\r\nConnection: close\r\n";
    for request in [
        // A folded header, a header in a header, a length and a chunked body.
        format!("GET /api/audits HTTP/1.1\r\n{host}Authorization: Bearer\r\n {good}\r\n\r\n"),
        format!("GET /api/audits HTTP/1.1\r\n{host}X: a\nAuthorization: Bearer {good}x\r\n\r\n"),
        format!("GET /api/audits HTTP/1.1\r\n{host}Authorization : Bearer {good}\r\n\r\n"),
        format!(
            "POST /api/audits/run HTTP/1.1\r\n{host}Content-Length: 4\r\n\
             Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /api/audits HTTP/1.1\r\n\r\n"
        ),
        format!("GET /api/audits HTTP/1.1\r\n{host}Content-Length: 1\r\nContent-Length: 2\r\n\r\n"),
    ] {
        let status = raw(&base, &request).await?;
        assert!((400..500).contains(&status), "{status}: {request}");
    }
    Ok(())
}

async fn sizes(stack: &Stack) -> Result<()> {
    let base = stack.state().gateway_url;
    let http = http_client()?;
    let good = stack.api().await?.token().context("logged in")?;
    for kib in [8, 64, 1024] {
        for token in [
            "a".repeat(kib * 1024),
            format!("{good}{}", "a".repeat(kib * 1024)),
        ] {
            let request = http.get(format!("{base}/api/audits")).bearer_auth(&token);
            // Too much may be refused before all of it was sent.
            if let Ok(answer) = request.send().await {
                let status = answer.status().as_u16();
                assert!(
                    matches!(status, 400 | 401 | 413 | 431),
                    "{kib} KiB: {status}"
                );
            }
        }
    }
    assert_eq!(
        raw(&base, "GET /health HTTP/1.1\r\nHost: v\r\n\r\n").await?,
        200
    );
    Ok(())
}

/// Nothing that is not public opens under another spelling, neither to a stranger nor to a user who
/// may do nothing.
async fn paths(stack: &Stack) -> Result<()> {
    let admin = stack.api().await?;
    let base = stack.state().gateway_url;
    super::people::role(&admin, "idle", &json!([])).await?;
    let person = super::people::Person {
        email: "idle@vigie.test",
        roles: &["idle"],
        crm_user: None,
        team: None,
    };
    person.create(&admin).await?;
    let idle = enter(&base, person.email)
        .await?
        .token()
        .context("logged in")?;
    for path in [
        "/api//audits",
        "//api/audits",
        "/api/audits/",
        "/API/AUDITS",
        "/api/./audits",
        "/api/auth/../audits",
        "/api/auth/%2e%2e/audits",
        "/health/../api/audits",
        "/health/..%2fapi%2faudits",
        "/.well-known/jwks.json/../../api/audits",
        "/api/%61udits",
        "/api/audits%00",
        "/api/audits%2f",
        "/api/audits;a=b",
        "/api/audits#health",
        "/api\\audits",
        "/api/audits?/health",
        "/api/admin/users?x=/health",
        "/api/auth/login/../../admin/users",
        "http://localhost/api/audits",
        "/api/admin/users/../../../health/../api/admin/users",
    ] {
        for credential in [String::new(), format!("Authorization: Bearer {idle}\r\n")] {
            let request = format!(
                "GET {path} HTTP/1.1\r\nHost: vigie.test\r\nConnection: close\r\n{credential}\r\n"
            );
            let status = raw(&base, &request).await?;
            assert!((400..500).contains(&status), "{status}: {path}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn nothing_is_taken_for_something_else() -> Result<()> {
    let options = options().await?;
    let home = options.home.clone();
    let stack = Stack::start(options).await?;
    tokens(&stack, &home).await.context("tokens")?;
    headers(&stack).await.context("headers")?;
    sizes(&stack).await.context("sizes")?;
    paths(&stack).await.context("paths")?;
    stack.down().await
}
