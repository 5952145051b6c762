//! `vigie-with-servers <command…>`: runs a command with a private Postgres and NATS, whose
//! addresses the tests find in the environment.

use anyhow::{Context, Result};
use std::process::ExitCode;
use vigie_testkit::{Nats, Postgres, Schema, TEST_NATS_URL, TEST_POSTGRES_URL};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<ExitCode> {
    let mut args = std::env::args_os().skip(1);
    let program = args
        .next()
        .context("usage: vigie-with-servers <command> [argument…]")?;
    let (postgres, nats) = tokio::try_join!(Postgres::start_temporary(), Nats::start())?;
    postgres.provision("vigie", &Schema::ALL).await?;
    let status = tokio::process::Command::new(&program)
        .args(args)
        .env(TEST_POSTGRES_URL, postgres.url())
        .env(TEST_NATS_URL, nats.url())
        .status()
        .await
        .with_context(|| format!("running {}", program.display()))?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}
