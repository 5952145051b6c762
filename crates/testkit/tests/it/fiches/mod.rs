//! Fiches through the gateway, on real services: what the CRM says is what is shown, to those who
//! may see it, and operators can repair what is kept of it.

mod cli;
mod crm;
mod lists;
mod stranger;

use crate::spine::options;
use anyhow::{Context, Result};
use vigie_testkit::stack::Stack;

#[tokio::test]
async fn what_the_crm_says_is_kept_shown_and_repaired() -> Result<()> {
    let options = options().await?;
    let stack = Stack::start(options).await?;
    let api = stack.api().await?;
    let day = chrono::Utc::now().date_naive() - chrono::Days::new(1);
    let day = day.to_string();
    let fiches: Vec<String> = {
        let sales = api.fiches_on(&day).await?.fiches;
        sales.into_iter().map(|fiche| fiche.id).collect()
    };
    assert_eq!(fiches.len(), 8, "the simulated CRM's sales of a day");

    crm::same(&stack, &api, &fiches).await.context("fresh")?;
    // Now from the tables.
    crm::same(&stack, &api, &fiches).await.context("cached")?;
    lists::audited(&api, &day, &fiches).await?;
    stranger::sees_nothing(&stack, &day, &fiches).await?;
    cli::backfills(&stack, &api, &fiches).await?;
    cli::reseals(&stack, &api, &fiches[0]).await?;
    crm::same(&stack, &api, &fiches)
        .await
        .context("moved from documents")?;
    cli::rebuilds(&stack, &api).await?;
    stack.down().await
}
