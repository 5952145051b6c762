//! Statements, as the database counts them.

use super::{count as count_of, round};
use anyhow::Result;
use serde::Serialize;
use sqlx::{Connection, PgConnection};
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;
use vigie_testkit::tools;

/// Settings that let the database count statements, where Debian's package brought the module.
pub fn counting() -> Result<Vec<(String, String)>> {
    let module = "../lib/pg_stat_statements.so";
    let program = tools::postgres("postgres")?.canonicalize()?;
    let here = program
        .parent()
        .is_some_and(|bin| bin.join(module).is_file());
    let setting = (
        "shared_preload_libraries".to_owned(),
        "pg_stat_statements".to_owned(),
    );
    Ok(if here { vec![setting] } else { Vec::new() })
}

/// How many there were; `None` where the module is not there.
pub async fn count(database: &mut PgConnection) -> Option<i64> {
    let counted = by_service(database).await?;
    Some(counted.values().sum())
}

/// Those of each service, which has a role of its own.
async fn by_service(database: &mut PgConnection) -> Option<BTreeMap<String, i64>> {
    sqlx::query("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
        .execute(&mut *database)
        .await
        .ok()?;
    let counted: Vec<(String, i64)> = sqlx::query_as(
        "SELECT replace(rolname, 'vigie_', ''), sum(calls)::bigint
           FROM pg_stat_statements JOIN pg_roles ON pg_roles.oid = userid
          WHERE rolname <> current_user GROUP BY rolname",
    )
    .fetch_all(&mut *database)
    .await
    .ok()?;
    Some(counted.into_iter().collect())
}

/// Statements a request, of each service that makes any.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PerRequest(BTreeMap<String, f64>);

impl PerRequest {
    /// Of all services.
    pub fn total(&self) -> f64 {
        round(self.0.values().sum())
    }
}

impl fmt::Display for PerRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.total())?;
        let shares = self.0.iter().map(|(name, share)| format!("{name} {share}"));
        write!(f, " ({})", shares.collect::<Vec<_>>().join(", "))
    }
}

/// Counts what requests cost, without what services do by themselves: relays look for what crashed
/// replicas left, leases are renewed, sweepers sweep.
#[derive(Debug)]
pub struct Meter {
    database: PgConnection,
    /// Statements a second while nobody asks for anything.
    idle: BTreeMap<String, f64>,
    before: BTreeMap<String, i64>,
}

impl Meter {
    /// Looks at idle services for a while; `None` where statements are not counted.
    pub async fn of_idle(url: &str, span: Duration) -> Result<Option<Self>> {
        let mut database = PgConnection::connect(url).await?;
        let Some(before) = by_service(&mut database).await else {
            return Ok(None);
        };
        tokio::time::sleep(span).await;
        let after = by_service(&mut database).await.unwrap_or_default();
        let seconds = span.as_secs_f64();
        let idle = grown(&before, &after).map(|(name, more)| (name, float(more) / seconds));
        Ok(Some(Self {
            idle: idle.collect(),
            database,
            before: BTreeMap::new(),
        }))
    }

    /// From now on.
    pub async fn begin(&mut self) {
        self.before = by_service(&mut self.database).await.unwrap_or_default();
    }

    /// Since the beginning, of so many requests within so long.
    pub async fn end(&mut self, requests: usize, took: Duration) -> Option<PerRequest> {
        let after = by_service(&mut self.database).await?;
        let share = |(name, more): (String, i64)| {
            let idle = self.idle.get(&name).copied().unwrap_or(0.0) * took.as_secs_f64();
            let each = round((float(more) - idle).max(0.0) / count_of(requests.max(1)));
            (each > 0.0).then_some((name, each))
        };
        Some(PerRequest(
            grown(&self.before, &after).filter_map(share).collect(),
        ))
    }
}

fn grown<'a>(
    before: &'a BTreeMap<String, i64>,
    after: &'a BTreeMap<String, i64>,
) -> impl Iterator<Item = (String, i64)> + 'a {
    after.iter().map(|(name, now)| {
        let then = before.get(name).copied().unwrap_or(0);
        (name.clone(), now - then)
    })
}

#[expect(
    clippy::cast_precision_loss,
    reason = "counts of a bench are far below 2^52"
)]
fn float(value: i64) -> f64 {
    value as f64
}
