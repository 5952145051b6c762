//! What operators do by the command line.

use crate::spine::database;
use anyhow::{Context, Result, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use sqlx::{Connection, Executor};
use std::process::Stdio;
use std::time::Duration;
use tokio::process::Command;
use vigie_testkit::Schema;
use vigie_testkit::api::ApiClient;
use vigie_testkit::stack::Stack;
use vigie_testkit::{tools, wait};

const LIMIT: Duration = Duration::from_secs(30);

/// Comments and appointments back in the row's document, as legacy rows have them.
const LEGACY: &str = "
    WITH notes AS (DELETE FROM fiche_cache_commentaires
                   RETURNING fiche_cache_id, to_jsonb(fiche_cache_commentaires) AS row),
         dates AS (DELETE FROM fiche_cache_rendez_vous
                   RETURNING fiche_cache_id, to_jsonb(fiche_cache_rendez_vous) AS row)
    UPDATE fiche_cache c SET raw_data = jsonb_build_object(
        'commentaires', (SELECT COALESCE(jsonb_agg(row ORDER BY row->'row_index'), '[]')
                           FROM notes WHERE fiche_cache_id = c.id),
        'rendez_vous', (SELECT COALESCE(jsonb_agg(row ORDER BY row->'row_index'), '[]')
                          FROM dates WHERE fiche_cache_id = c.id))";

async fn command(stack: &Stack, api: &ApiClient, args: &[&str]) -> Result<Command> {
    let program = tools::built_binaries().await?.join("vigie");
    let mut command = Command::new(program);
    command
        .args(args)
        .args(["--api-url", &stack.state().gateway_url])
        .env("VIGIE_API_TOKEN", api.token().context("logged in")?)
        .kill_on_drop(true);
    Ok(command)
}

async fn vigie(stack: &Stack, api: &ApiClient, args: &[&str]) -> Result<String> {
    let mut command = command(stack, api, args).await?;
    let output = tokio::time::timeout(LIMIT, command.output()).await??;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{args:?}: {said}{complaint}");
    Ok(said)
}

async fn document(stack: &Stack, api: &ApiClient, fiche: &str) -> Result<Value> {
    let said = vigie(stack, api, &["fiches", "inspect", fiche]).await?;
    let mut row: Value = serde_json::from_str(&said)?;
    assert_eq!(row["state"], "full");
    Ok(row["document"].take())
}

/// Legacy rows are found, left alone by a dry run, and moved for good in small batches.
pub async fn backfills(stack: &Stack, api: &ApiClient, fiches: &[String]) -> Result<()> {
    let mut conn = database(stack, Schema::Fiche).await?;
    conn.execute(LEGACY).await?;
    let left = async |conn: &mut sqlx::PgConnection| {
        let rows = "SELECT count(*) FROM fiche_cache WHERE raw_data <> '{}'";
        sqlx::query_scalar::<_, i64>(rows).fetch_one(conn).await
    };
    let count = left(&mut conn).await?;
    assert!(count >= i64::try_from(fiches.len())?);
    let document_of = document(stack, api, &fiches[0]).await?;
    assert_eq!(document_of.as_array().map(Vec::len), Some(2));

    let said = vigie(stack, api, &["fiches", "backfill", "--dry-run"]).await?;
    ensure!(
        said.contains(&format!("{count} rows would be moved")),
        "{said}"
    );
    assert_eq!(left(&mut conn).await?, count);
    let after = interrupted(stack, api).await?;
    // The row that was waited for is moved by the batch that was under way, or by the next run.
    let args = ["fiches", "backfill", "--batch", "3", "--after-id", &after];
    let said = vigie(stack, api, &args).await?;
    let moved = |rows: i64| said.contains(&format!("{rows} rows moved"));
    ensure!(moved(count - 1) || moved(count - 2), "{said}");
    assert_eq!(left(&mut conn).await?, 0);
    let again = vigie(stack, api, &["fiches", "backfill"]).await?;
    ensure!(again.contains("0 rows moved"), "{again}");
    let document_of = document(stack, api, &fiches[0]).await?;
    assert_eq!(document_of.as_array().map(Vec::len), Some(0));
    Ok(())
}

/// What lies clear, as before there was a key, is sealed; the rest is left alone.
pub async fn reseals(stack: &Stack, api: &ApiClient, fiche: &str) -> Result<()> {
    let said = vigie(stack, api, &["fiches", "reseal", "--batch", "3"]).await?;
    ensure!(said.contains("0 rows resealed"), "{said}");
    let shown = api.get(&format!("/api/fiches/{fiche}")).await?;
    let clear = shown["prospect"]["num_secu"].as_str().context("a number")?;
    let mut conn = database(stack, Schema::Fiche).await?;
    let write = "UPDATE fiche_cache_prospects SET num_secu = $2
                  WHERE fiche_cache_id = (SELECT id FROM fiche_cache WHERE fiche_id = $1)";
    sqlx::query(write)
        .bind(fiche)
        .bind(clear)
        .execute(&mut conn)
        .await?;
    let said = vigie(stack, api, &["fiches", "reseal", "--dry-run"]).await?;
    ensure!(said.contains("1 rows would be resealed"), "{said}");
    let said = vigie(stack, api, &["fiches", "reseal"]).await?;
    ensure!(said.contains("1 rows resealed"), "{said}");
    let left = "SELECT count(*) FROM fiche_cache_prospects WHERE num_secu NOT LIKE 'sealed:v1:_%'";
    let left: i64 = sqlx::query_scalar(left).fetch_one(&mut conn).await?;
    assert_eq!(left, 0);
    Ok(())
}

/// Stops a run in the middle of its second row, and says where it wants to go on.
async fn interrupted(stack: &Stack, api: &ApiClient) -> Result<String> {
    let mut conn = database(stack, Schema::Fiche).await?;
    let ids = "SELECT id FROM fiche_cache WHERE raw_data <> '{}' ORDER BY id LIMIT 2";
    let ids: Vec<i64> = sqlx::query_scalar(ids).fetch_all(&mut conn).await?;
    let mut holder = database(stack, Schema::Fiche).await?;
    let mut holding = holder.begin().await?;
    sqlx::query("SELECT FROM fiche_cache WHERE id = $1 FOR UPDATE")
        .bind(ids[1])
        .execute(&mut *holding)
        .await?;
    let mut command = command(stack, api, &["fiches", "backfill", "--batch", "1"]).await?;
    let run = command.stderr(Stdio::piped()).spawn()?;
    let process = Pid::from_raw(run.id().context("a running process")?.try_into()?);
    let blocked = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'
                      AND application_name = 'vigie-fiche-cache'";
    wait::until("the second row", LIMIT, || async {
        let mut conn = database(stack, Schema::Fiche).await?;
        let waiting: i64 = sqlx::query_scalar(blocked).fetch_one(&mut conn).await?;
        Ok((waiting > 0).then_some(()))
    })
    .await?;
    kill(process, Signal::SIGINT)?;
    let output = tokio::time::timeout(LIMIT, run.wait_with_output()).await??;
    holding.rollback().await?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(!output.status.success(), "{said}");
    let wanted = format!("--after-id {}", ids[0]);
    ensure!(said.contains(&wanted), "{said}");
    Ok(ids[0].to_string())
}

/// What audits know of their fiches comes back from the cache.
pub async fn rebuilds(stack: &Stack, api: &ApiClient) -> Result<()> {
    let mut conn = database(stack, Schema::Audit).await?;
    conn.execute("UPDATE fiches SET version = 0, groupe = 'NULLE PART', prospect_nom = NULL")
        .await?;
    let said = vigie(stack, api, &["projections", "rebuild", "--batch", "1"]).await?;
    ensure!(said.contains("1 fiches written"), "{said}");
    let wrong: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM fiches WHERE groupe = 'NULLE PART' OR prospect_nom IS NULL",
    )
    .fetch_one(&mut conn)
    .await?;
    assert_eq!(wrong, 0);
    Ok(())
}
