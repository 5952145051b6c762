use super::{AT_A_TIME, LISTS, WARM_UP, load};
use crate::commands::bench::statements::{Meter, PerRequest};
use crate::commands::bench::{count, percentile_ms, round};
use anyhow::{Context, Result};
use std::time::Duration;
use vigie_testkit::api::ApiClient;
use vigie_testkit::stack::Stack;

/// How long idle services are looked at: two rounds of the sweepers.
const IDLE: Duration = Duration::from_secs(30);

/// Many requests of one kind.
pub(super) struct Measured {
    name: &'static str,
    wall: Duration,
    /// Sorted.
    took: Vec<Duration>,
    /// Of the database, a request.
    pub(super) statements: Option<PerRequest>,
}

impl Measured {
    pub(super) fn per_second(&self) -> f64 {
        round(count(self.took.len()) / self.wall.as_secs_f64())
    }

    pub(super) fn p(&self, percent: usize) -> f64 {
        round(percentile_ms(&self.took, percent))
    }

    fn print(&self) {
        let statements = self.statements.as_ref();
        println!(
            "{:34} {:>8} a second, p50 {:>7} ms, p99 {:>7} ms, {} SQL statements each",
            self.name,
            self.per_second(),
            self.p(50),
            self.p(99),
            statements.map_or_else(|| "unknown".to_owned(), PerRequest::to_string),
        );
    }
}

/// Who asks, and counts.
pub(super) struct Bench {
    api: ApiClient,
    meter: Option<Meter>,
}

impl Bench {
    pub(super) async fn of(stack: &Stack, api: ApiClient) -> Result<Self> {
        let meter = Meter::of_idle(&stack.state().postgres_url, IDLE).await?;
        Ok(Self { api, meter })
    }

    /// Requests that are not measured.
    pub(super) async fn warm_up(&self, fiches: &[String], query: &str) -> Result<()> {
        load::each(&self.api, fiches, query, AT_A_TIME).await?;
        Ok(())
    }

    /// Details of many fiches, several at a time.
    pub(super) async fn several(
        &mut self,
        name: &'static str,
        fiches: &[String],
        query: &str,
    ) -> Result<Measured> {
        self.begin().await;
        let (wall, took) = load::each(&self.api, fiches, query, AT_A_TIME).await?;
        Ok(self.end(name, wall, took).await)
    }

    /// The same list again and again, and its last answer.
    pub(super) async fn list(
        &mut self,
        name: &'static str,
        path: &str,
    ) -> Result<(Measured, serde_json::Value)> {
        load::again(&self.api, path, WARM_UP).await?;
        self.begin().await;
        let (wall, took) = load::again(&self.api, path, LISTS).await?;
        let measured = self.end(name, wall, took).await;
        let answer = self.api.get(path).await.context("a list")?;
        Ok((measured, answer))
    }

    async fn begin(&mut self) {
        if let Some(meter) = &mut self.meter {
            meter.begin().await;
        }
    }

    async fn end(&mut self, name: &'static str, wall: Duration, took: Vec<Duration>) -> Measured {
        let statements = match &mut self.meter {
            Some(meter) => meter.end(took.len(), wall).await,
            None => None,
        };
        let measured = Measured {
            name,
            wall,
            took,
            statements,
        };
        measured.print();
        measured
    }
}
