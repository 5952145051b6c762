//! The configurations of a new installation (`audits.md` 7.3, 7.4).

use crate::domain::config_input::NewConfig;
use crate::store::config::{insert, needs_seed};
use anyhow::Context;
use vigie_bus::Db;

/// In the order of insertion: `run-latest` uses the last one.
const SEEDS: [&str; 2] = [
    include_str!("../seeds/complete.json"),
    include_str!("../seeds/essential.json"),
];

/// Inserts the seeds where there is no configuration yet.
pub async fn plant(db: &Db) -> anyhow::Result<()> {
    let mut tx = db.begin().await?;
    if needs_seed(&mut tx).await? {
        for seed in SEEDS {
            let config: NewConfig = serde_json::from_str(seed).context("a seed does not parse")?;
            let id = insert(&mut tx, &config).await?;
            tracing::info!(config.id = %id, name = config.name, "audit config seeded");
        }
    }
    tx.commit().await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_have_the_weights_of_the_contract() {
        let totals = SEEDS.map(|seed| {
            let config: NewConfig = serde_json::from_str(seed).unwrap();
            let positions: Vec<i32> = config.steps.iter().map(|step| step.position).collect();
            let expected: Vec<i32> = (1..).take(config.steps.len()).collect();
            assert_eq!(positions, expected);
            let weight: i32 = config.steps.iter().map(|step| step.weight).sum();
            let critical = config.steps.iter().filter(|step| step.is_critical);
            (
                config.steps.len(),
                weight,
                critical.map(|step| step.position).collect::<Vec<_>>(),
            )
        });
        assert_eq!(totals[0], (18, 125, vec![1, 4, 5, 7, 11]));
        assert_eq!(totals[1], (6, 50, vec![1, 2, 4]));
    }
}
