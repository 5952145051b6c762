//! `vigie keys rotate`, as an operator runs it.

use anyhow::Result;
use serde_json::Value;
use std::process::Output;
use tokio::process::Command;
use vigie_testkit::api::ApiClient;
use vigie_testkit::stack::Stack;

async fn rotate(stack: &Stack, binary: &std::path::Path, token: &str) -> Result<Output> {
    let mut vigie = Command::new(binary);
    vigie.args(["keys", "rotate"]);
    vigie.env("VIGIE_API_URL", &stack.state().gateway_url);
    vigie.env("VIGIE_API_TOKEN", token);
    Ok(vigie.output().await?)
}

async fn published(api: &ApiClient) -> Result<Vec<String>> {
    let url = format!("{}/.well-known/jwks.json", api.base());
    let http = vigie_testkit::api::http_client()?;
    let keys: Value = http.get(url).send().await?.json().await?;
    let keys = keys["keys"].as_array().cloned().unwrap_or_default();
    let kid = |key: &Value| key["kid"].as_str().unwrap_or_default().to_owned();
    Ok(keys.iter().map(kid).collect())
}

#[tokio::test]
async fn an_operator_rotates_the_keys() -> Result<()> {
    let options = Stack::for_test().await?;
    let binary = options.binaries.join("vigie");
    let stack = Stack::start(options).await?;
    let api = stack.api().await?;
    let token = api.token().unwrap();
    assert_eq!(published(&api).await?.len(), 1);

    let done = rotate(&stack, &binary, &token).await?;
    let said = String::from_utf8(done.stdout)?;
    assert!(done.status.success(), "{said}");
    // Both are published, and what was signed before is as good as ever.
    let kids = published(&api).await?;
    assert_eq!((kids.len(), said.lines().count()), (2, 2), "{said}");
    for (line, kid) in said.lines().zip(&kids) {
        assert!(line.starts_with(kid.as_str()), "{line}");
    }
    api.get("/api/auth/me").await?;

    // The next one has not begun to sign: too early for another, and it says so.
    let early = rotate(&stack, &binary, &token).await?;
    let said = String::from_utf8(early.stderr)?;
    assert!(
        !early.status.success() && said.contains("rotate again"),
        "{said}"
    );
    let stranger = rotate(&stack, &binary, "nonsense").await?;
    assert!(!stranger.status.success());
    assert_eq!(published(&api).await?, kids);
    stack.down().await
}
