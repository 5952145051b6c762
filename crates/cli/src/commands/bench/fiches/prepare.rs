//! What is cached before the measurement begins. Written into the databases: fetching 50,000 fiches
//! from a simulator would measure the simulator.

use anyhow::{Context, Result};
use sqlx::{Connection, Executor, PgConnection};
use vigie_testkit::Schema;
use vigie_testkit::stack::Stack;

/// Fiches whose details the simulated CRM has.
pub const BULK: &str = "405@2025-06-02..2025-06-02";
const DETAILED: u64 = 405;
const FIRST_DETAILED: u64 = 9_000_000;
/// The day whose list is measured, and how many were sold on it.
pub const DAY: &str = "2025-05-12";
pub const OF_DAY: usize = 2_000;
/// The days whose range is measured, 90, and how many fiches are cached of them.
pub const FIRST: &str = "2025-01-01";
pub const LAST: &str = "2025-03-31";
pub const CACHED: i64 = 50_000;

/// The ids of [`BULK`].
pub fn bulk() -> Vec<String> {
    let ids = FIRST_DETAILED..FIRST_DETAILED + DETAILED;
    ids.map(|id| id.to_string()).collect()
}

/// Sold fiches with one to three calls each, and days that were fetched.
const FICHES: &str = "
    INSERT INTO sales_days (day, fetched_at, expected, cached)
    SELECT day, now(), 0, 0
      FROM generate_series(date '2025-01-01', date '2025-06-30', interval '1 day') AS day
    ON CONFLICT (day) DO UPDATE SET fetched_at = now();

    INSERT INTO fiche_cache
        (fiche_id, state, groupe, attribution_user_id, agence_nom, prospect_nom, prospect_prenom,
         prospect_email, prospect_tel, sales_date, sales_date_confirmed, has_recordings,
         recordings_count, summary_fetched_at, details_fetched_at, details_expires_at, created_at)
    SELECT (7000000 + n)::text, 'full', 'EQUIPE ' || n % 12, (500 + n % 60)::text, 'Agence ' || n % 7,
           'MARTEL', 'Odile', 'odile.' || n || '@example.test', '0639980011',
           CASE WHEN n < 50000 THEN date '2025-01-01' + n % 90 ELSE date '2025-05-12' END,
           true, true, 1 + n % 3, now(), now(), now() + interval '10 days',
           now() - make_interval(secs => n)
      FROM generate_series(0, 51999) AS n;

    INSERT INTO recordings (fiche_cache_id, call_id, recording_url, start_time, duration_seconds)
    SELECT id, fiche_id || '-' || call, 'https://records.example.test/' || call,
           sales_date + make_interval(hours => 9 + call), 600 + call
      FROM fiche_cache, generate_series(1, recordings_count) AS call;";

/// Two in three of the first calls are transcribed.
const TRANSCRIPTS: &str = "
    INSERT INTO transcripts (fiche_id, call_id, state, diarization, engine, model, transcription_id,
                             transcription_text)
    SELECT (7000000 + n)::text, (7000000 + n) || '-1', 'transcribed', 'provider', 'elevenlabs',
           'scribe_v1', 'bench-' || n, repeat('Bonjour, je vous appelle pour votre mutuelle. ', 40)
      FROM generate_series(0, 51999) AS n WHERE n % 3 < 2;";

/// Every second fiche was audited.
const AUDITS: &str = "
    INSERT INTO fiches (fiche_id, version, groupe, attribution_user_id)
    SELECT (7000000 + n)::text, 1, 'EQUIPE ' || n % 12, (500 + n % 60)::text
      FROM generate_series(0, 51999) AS n WHERE n % 2 = 0;
    INSERT INTO audits (tracking_id, fiche_id, audit_config_id, lane, phase, score_percentage, niveau,
                        deadline_at, started_at, completed_at)
    SELECT 'bench-' || n, (7000000 + n)::text, (SELECT min(id) FROM audit_configs), 'bulk', 'completed',
           82.5, 'BON', now(), now(), now()
      FROM generate_series(0, 51999) AS n WHERE n % 2 = 0;";

/// Fills the caches of all services.
pub async fn fill(stack: &Stack) -> Result<()> {
    for (schema, sql) in [
        (Schema::Fiche, FICHES),
        (Schema::Transcription, TRANSCRIPTS),
        (Schema::Audit, AUDITS),
    ] {
        let mut database = PgConnection::connect(&stack.database_url(schema)).await?;
        database
            .execute(sql)
            .await
            .with_context(|| format!("filling the schema {}", schema.name()))?;
        // As the server would have done by itself, a minute later. Not in a transaction.
        database.execute("VACUUM ANALYZE").await?;
    }
    Ok(())
}
