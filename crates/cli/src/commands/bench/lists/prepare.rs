//! A million audits as years of work leave them. Written into the database: running them would take
//! hours.

use anyhow::{Context, Result};
use sqlx::{Connection, Executor, PgConnection};
use vigie_testkit::Schema;
use vigie_testkit::stack::Stack;

/// Audits: four a fiche, of which the first is an older version.
pub const AUDITS: i64 = 1_000_000;
/// Teams of the fiches.
pub const TEAMS: usize = 40;
/// Agencies of the fiches.
pub const AGENCIES: usize = 120;
/// Syllables of which last names are made, three each.
pub const SYLLABLES: [&str; 16] = [
    "MAR", "LE", "DU", "BRE", "TI", "CHA", "NON", "VAL", "ROU", "GAU", "BER", "LAN", "PI", "COT",
    "FER", "SAN",
];
/// Schedules that asked for two audits in three.
pub const SCHEDULES: i64 = 24;
/// Audits with results of their steps: each 2,500th.
const DETAILED_EACH: i64 = 2_500;

const CONFIGURATIONS: &str = "
    INSERT INTO audit_configs (name, description)
    SELECT 'Mesure ' || n, 'Written by `vigie bench`' FROM generate_series(1, 3) AS n";

/// Four audits a fiche, so a fiche for each four.
const FICHES: &str = "
    INSERT INTO fiches
        (fiche_id, fiche_cache_id, version, groupe, agence_nom, attribution_user_id, prospect_nom,
         prospect_prenom, prospect_email, prospect_tel, sales_date, has_recordings,
         recordings_count, fetched_at, last_revalidated_at)
    SELECT (5000000 + n)::text, n, 1, 'EQUIPE ' || hash % $2, 'Agence ' || ville,
           (500 + hash % 600)::text, nom, (ARRAY['Alice', 'Odile', 'Marc', 'Luc', 'Inès', 'Paul'])[1 + hash % 6],
           lower(nom) || n || '@example.test', '06' || lpad((hash % 100000000)::text, 8, '0'),
           (now() - make_interval(secs => ($1 - 4 * n) * 30))::date, hash % 10 > 0, hash % 10 % 4,
           now() - make_interval(secs => ($1 - 4 * n) * 30), NULL
      FROM generate_series(0, $1 / 4 - 1) AS n,
           LATERAL (SELECT hashint8(n) & 2147483647 AS hash) AS h,
           LATERAL (SELECT $4[1 + hash % 16] || $4[1 + hash / 16 % 16] || $4[1 + hash / 256 % 16] AS nom,
                           $4[1 + hash / 64 % $3 % 16] || $4[1 + hash / 64 % $3 / 16] AS ville) AS p";

/// One in twenty failed. Nothing is open: the watchdog would begin to work.
const AUDITS_SQL: &str = "
    INSERT INTO audits
        (tracking_id, fiche_id, fiche_cache_id, audit_config_id, automation_schedule_id,
         trigger_source, lane, phase, error_message, overall_score, score_percentage, niveau,
         is_compliant, critical_passed, critical_total, completeness, engine, duration_ms,
         total_tokens, successful_steps, failed_steps, recordings_count, timeline_chunks,
         total_steps, version, is_latest, deadline_at, started_at, completed_at, created_at,
         updated_at, result_data)
    SELECT 'bench-' || n, (5000000 + n / 4)::text, n / 4, config.id,
           CASE WHEN hash % 3 > 0 THEN 1 + hash % $2 END,
           CASE WHEN hash % 3 > 0 THEN 'automation' ELSE 'api' END, 'bulk',
           CASE WHEN failed THEN 'failed' ELSE 'completed' END,
           CASE WHEN failed THEN 'No transcript of fiche ' || 5000000 + n / 4 END, score, score,
           CASE WHEN failed THEN 'PENDING' WHEN hash % 7 = 0 THEN 'REJET' WHEN score >= 90 THEN 'EXCELLENT'
                WHEN score >= 75 THEN 'BON' WHEN score >= 60 THEN 'ACCEPTABLE' ELSE 'INSUFFISANT' END,
           NOT failed AND hash % 7 > 0, 3, 3, 'complete', 'openai', 20000 + hash % 400000,
           40000 + hash % 90000, 10 - (hash % 11 = 0)::integer, (hash % 11 = 0)::integer, 2, 40, 10,
           CASE n % 4 WHEN 1 THEN 2 ELSE 1 END, n % 4 > 0, at, at, at + interval '4 minutes', at, at,
           json_build_object('audit_db_id', n::text, 'audit_tracking_id', 'bench-' || n,
             'audit', json_build_object(
               'config', json_build_object('id', config.id, 'name', config.name, 'description', config.description),
               'fiche', json_build_object('fiche_id', (5000000 + n / 4)::text, 'prospect_name', 'Alice MARTEL'),
               'results', json_build_object('compliance', compliance, 'approach', approach),
               'compliance', compliance, 'approach', approach),
             'statistics', json_build_object('total_steps', 10, 'successful_steps', 10, 'failed_steps', 0,
               'fallback_steps', 0, 'total_tokens', 84210, 'total_citations', 31, 'recordings_count', 2,
               'timeline_chunks', 40),
             'metadata', json_build_object('started_at', at, 'completed_at', at, 'duration_ms', 271000,
               'approach', approach, 'completeness', 'complete', 'incomplete_transcription', false))
      FROM generate_series(0, $1 - 1) AS n
      JOIN (SELECT id, name, description, row_number() OVER (ORDER BY id DESC) AS place
              FROM audit_configs ORDER BY id DESC LIMIT 3) AS config
        ON config.place = CASE n % 4 WHEN 0 THEN 1 ELSE n % 4 END,
           LATERAL (SELECT hashint8(n + 77) & 2147483647 AS hash) AS h,
           LATERAL (SELECT hash % 20 = 0 AS failed, (hash / 32 % 10001) / 100.0 AS score,
                           now() - make_interval(secs => ($1 - n) * 30) AS at) AS d,
           LATERAL (SELECT json_build_object('poids_total', 50, 'poids_obtenu', 37, 'score', score,
                           'niveau', 'BON', 'points_critiques', '3/3') AS compliance,
                           json_build_object('use_rlm', false, 'transcript_mode', 'full') AS approach) AS c";

/// Ten steps with eight points and a quote each.
const STEPS: [&str; 3] = [
    "INSERT INTO audit_step_results
        (audit_id, step_position, step_name, severity_level, is_critical, weight, traite, conforme,
         score, niveau_conformite, commentaire_global, mots_cles_trouves, minutages,
         total_citations, total_tokens, raw_result, outcome, ai_traite, ai_conforme, ai_score,
         ai_niveau_conformite, engine, model, prompt_version, transcript_hash)
     SELECT id, step, 'Étape ' || step, 'MEDIUM', step < 4, 5, true, 'CONFORME', 5, 'EXCELLENT',
            repeat('Le conseiller a tout dit. ', 8), ARRAY['contrat', 'mutuelle'], ARRAY['01:20'], 8,
            8421, '{}', 'ok', true, 'CONFORME', 5, 'EXCELLENT', 'openai', 'bench', 'p1', 'none'
       FROM audits, generate_series(1, 10) AS step WHERE id % $1 = 0",
    "INSERT INTO audit_step_result_control_points
        (audit_id, step_position, control_point_index, point, statut, commentaire, minutages,
         erreur_transcription_notee, ai_statut, ai_verdict)
     SELECT id, step, point, 'Point de contrôle ' || point, 'PRESENT', repeat('Dit clairement. ', 6),
            ARRAY['01:20'], false, 'PRESENT', 'PRESENT'
       FROM audits, generate_series(1, 10) AS step, generate_series(1, 8) AS point
      WHERE id % $1 = 0",
    "INSERT INTO audit_step_result_citations
        (audit_id, step_position, control_point_index, citation_index, texte, minutage,
         minutage_secondes, speaker, recording_index, chunk_index, recording_date, recording_time,
         recording_url, call_id)
     SELECT id, step, point, 1, repeat('Bonjour, je vous appelle pour votre mutuelle. ', 3), '01:20',
            80, 'speaker_0', 0, 4, '2026-01-05', '09:20:00', 'https://records.example.test/1', '1'
       FROM audits, generate_series(1, 10) AS step, generate_series(1, 8) AS point
      WHERE id % $1 = 0",
];

/// Fills the orchestrator's tables.
pub async fn fill(stack: &Stack) -> Result<()> {
    let mut database = PgConnection::connect(&stack.database_url(Schema::Audit)).await?;
    database.execute(CONFIGURATIONS).await?;
    let names: Vec<String> = SYLLABLES.map(str::to_owned).into();
    sqlx::query(FICHES)
        .bind(AUDITS)
        .bind(i32::try_from(TEAMS)?)
        .bind(i32::try_from(AGENCIES)?)
        .bind(names)
        .execute(&mut database)
        .await
        .context("writing the fiches")?;
    sqlx::query(AUDITS_SQL)
        .bind(AUDITS)
        .bind(SCHEDULES)
        .execute(&mut database)
        .await
        .context("writing the audits")?;
    for sql in STEPS {
        let steps = sqlx::query(sql).bind(DETAILED_EACH);
        steps.execute(&mut database).await.context("their steps")?;
    }
    // What autovacuum does to any database that is older than a minute.
    database.execute("VACUUM ANALYZE").await?;
    let mut server = PgConnection::connect(&stack.state().postgres_url).await?;
    server.execute("CHECKPOINT").await?;
    Ok(())
}

/// The ids of audits that have steps.
pub async fn detailed(stack: &Stack) -> Result<Vec<i64>> {
    let mut database = PgConnection::connect(&stack.database_url(Schema::Audit)).await?;
    let ids = sqlx::query_scalar("SELECT id FROM audits WHERE id % $1 = 0 ORDER BY hashint8(id)");
    Ok(ids.bind(DETAILED_EACH).fetch_all(&mut database).await?)
}
