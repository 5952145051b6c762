//! What the measurement needs before it begins: a configuration of the right size and fiches whose
//! calls are transcribed.

use anyhow::{Context, Result, ensure};
use chrono::{Days, Utc};
use sqlx::{Connection, PgConnection};
use vigie_testkit::Schema;
use vigie_testkit::api::ApiClient;
use vigie_testkit::stack::Stack;

/// Steps of an audit.
pub const STEPS: i32 = 18;
const POINTS: usize = 8;
/// A live stream takes no more channels.
const MAX_FICHES: usize = 50;
const DAYS_BACK: u64 = 14;
/// Words that any sales call contains, so that every control point finds a quote.
const WORDS: [&str; POINTS] = [
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
    let points: Vec<String> = WORDS
        .iter()
        .map(|word| format!("Le mot « {word} » est dit"))
        .collect();
    sqlx::query(
        "INSERT INTO audit_steps (audit_config_id, name, prompt, control_points, keywords, \
                                  severity_level, position, weight) \
         SELECT $1, 'Étape ' || n, 'Cherche les mots.', $2, $3, 'MEDIUM', n, 5 \
           FROM generate_series(1, $4) AS n",
    )
    .bind(id)
    .bind(&points)
    .bind(WORDS.map(str::to_owned).as_slice())
    .bind(STEPS)
    .execute(&mut database)
    .await
    .context("writing the steps")?;
    Ok(id)
}

/// Fiches with recordings, from the newest days of the CRM.
pub async fn fiches(api: &ApiClient) -> Result<Vec<String>> {
    let today = Utc::now().date_naive();
    let mut found = Vec::new();
    for back in 0..DAYS_BACK {
        let date = today
            .checked_sub_days(Days::new(back))
            .context("a day before today")?;
        for fiche in api.fiches_on(&date.to_string()).await?.fiches {
            if found.len() < MAX_FICHES && has_recordings(api, &fiche.id).await {
                found.push(fiche.id);
            }
        }
    }
    ensure!(!found.is_empty(), "the CRM has no fiche with recordings");
    Ok(found)
}

async fn has_recordings(api: &ApiClient, fiche: &str) -> bool {
    let fiche = api.get(&format!("/api/fiches/{fiche}")).await;
    fiche.is_ok_and(|fiche| {
        fiche["recordings"]
            .as_array()
            .is_some_and(|all| !all.is_empty())
    })
}
