//! One file a command.

pub mod audit;
pub mod audits;
pub mod bench;
pub mod configs;
pub mod dead_letters;
pub mod demo;
pub mod down;
pub mod eval;
pub mod fiches;
pub mod keys;
pub mod status;
pub mod supervise;
pub mod up;
pub mod users;
pub mod watch;
pub mod webhooks;

use crate::args::Installation;
use anyhow::{Context, Result};
use vigie_testkit::api::ApiClient;
use vigie_testkit::stack::{Home, StackState};

/// The stack that is up.
pub fn running() -> Result<StackState> {
    let home = Home::from_env()?;
    let state = StackState::read(&home)?;
    state
        .filter(|_| is_locked(&home))
        .context("no stack is running: start one with `vigie up`")
}

fn is_locked(home: &Home) -> bool {
    matches!(home.try_lock(), Ok(None))
}

/// A client of it, logged in as its administrator.
pub async fn client(state: &StackState) -> Result<ApiClient> {
    let api = ApiClient::new(&state.gateway_url)?;
    api.login(&state.admin.email, &state.admin.password)
        .await
        .context("logging in")?;
    Ok(api)
}

/// The named installation, else the stack on this machine.
async fn administrator(at: &Installation) -> Result<ApiClient> {
    let Some(url) = &at.api_url else {
        return client(&running()?).await;
    };
    let token = at.api_token.as_deref();
    let token = token.context("an installation elsewhere needs --api-token or VIGIE_API_TOKEN")?;
    let api = ApiClient::new(url)?;
    api.use_token(token);
    Ok(api)
}
