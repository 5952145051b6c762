//! What the measurement needs before it begins: a configuration of the right size and fiches whose
//! calls are transcribed.

use anyhow::{Context, Result, ensure};
use sqlx::{Connection, PgConnection};
use vigie_testkit::Schema;
use vigie_testkit::api::ApiClient;
use vigie_testkit::stack::Stack;

/// Steps of an audit.
pub const STEPS: i32 = 18;
/// The fiches that the simulated CRM gets for this; a live stream takes no more channels.
pub const BULK: &str = "50@2025-06-02..2025-06-02";
const DAY: &str = "2025-06-02";
/// The control points of a step: words that any sales call contains, each one idea, so that each
/// finds one quote.
const WORDS: [&str; 8] = [
    "bonjour",
    "contrat",
    "garantie",
    "mutuelle",
    "cotisation",
    "mois",
    "adresse",
    "accord",
];

/// A configuration of 18 steps with 8 control points each. Written into the database: no user
/// would make one like it.
pub async fn configuration(stack: &Stack) -> Result<i64> {
    let mut database = PgConnection::connect(&stack.database_url(Schema::Audit)).await?;
    let id: i64 = sqlx::query_scalar(
        "INSERT INTO audit_configs (name, description, is_active) \
         VALUES ('Bench', 'Written by `vigie bench`', true) RETURNING id",
    )
    .fetch_one(&mut database)
    .await
    .context("writing the configuration")?;
    sqlx::query(
        "INSERT INTO audit_steps (audit_config_id, name, prompt, control_points, keywords, \
                                  severity_level, position, weight) \
         SELECT $1, 'Étape ' || n, 'Cherche les mots.', $2, $3, 'MEDIUM', n, 5 \
           FROM generate_series(1, $4) AS n",
    )
    .bind(id)
    .bind(WORDS.map(str::to_owned).as_slice())
    .bind(WORDS.map(str::to_owned).as_slice())
    .bind(STEPS)
    .execute(&mut database)
    .await
    .context("writing the steps")?;
    Ok(id)
}

/// Lets the planner know the tables as they are used, not as they were created.
pub async fn statistics(stack: &Stack) -> Result<()> {
    let mut database = PgConnection::connect(&stack.state().postgres_url).await?;
    sqlx::query("ANALYZE").execute(&mut database).await?;
    Ok(())
}

/// The fiches of [`BULK`], each with one recording.
pub async fn fiches(api: &ApiClient) -> Result<Vec<String>> {
    let day = api.fiches_on(DAY).await?;
    ensure!(!day.fiches.is_empty(), "the CRM has no fiches on {DAY}");
    Ok(day.fiches.into_iter().map(|fiche| fiche.id).collect())
}
