//! Nobody gets where they do not belong: through the gateway, and past it at the services' own ports.

mod confusion;
mod crowd;
mod direct;
mod filters;
mod last_admin;
mod matrix;
mod people;
mod revoked;
mod routes;
mod world;

use anyhow::{Context, Result};
use vigie_testkit::stack::{Service, Stack};

/// What a process of the stack says of itself: the sum of a metric's series.
async fn metric(stack: &Stack, service: Service, name: &str) -> Result<f64> {
    let state = stack.state();
    let mut services = state.services.iter();
    let found = services.find(|one| one.name == service.name());
    let url = &found.context("no such service")?.metrics_url;
    let text = vigie_testkit::api::http_client()?.get(url).send().await?;
    let text = text.text().await?;
    let series = text.lines().filter(|line| {
        let rest = line.strip_prefix(name);
        rest.is_some_and(|rest| rest.starts_with(['{', ' ']))
    });
    let values = series.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok());
    let values: Vec<f64> = values.collect();
    anyhow::ensure!(!values.is_empty(), "{service} has no metric {name}");
    Ok(values.iter().sum())
}
