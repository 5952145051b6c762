//! Configurations as their own pages show them: details, steps, statistics (`audits.md` 7.1).

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

/// A configuration without its steps.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the columns, under their names")]
pub struct Config {
    pub id: i64,
    pub name: String,
    pub description: Option<String>,
    pub system_prompt: Option<String>,
    pub is_active: bool,
    pub run_automatically: bool,
    pub created_by: Option<String>,
    pub revision: i32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// A step.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the columns, under their names")]
pub struct Step {
    pub id: i64,
    pub audit_config_id: i64,
    pub name: String,
    pub description: Option<String>,
    pub prompt: String,
    pub control_points: Vec<String>,
    pub keywords: Vec<String>,
    pub severity_level: String,
    pub is_critical: bool,
    pub position: i32,
    pub weight: i32,
    pub chronological_important: bool,
    pub verify_product_info: bool,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// How a configuration is used: its latest, undeleted audits.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the columns, under their names")]
pub struct Stats {
    pub id: i64,
    pub name: String,
    pub total: i64,
    pub completed: i64,
    pub failed: i64,
    pub average_score: Option<f64>,
    pub average_duration_ms: Option<f64>,
    pub last_used_at: Option<DateTime<Utc>>,
    pub compliance_rate: f64,
}

/// All configurations, or one, newest first.
#[tracing::instrument(name = "store.catalogue.configs", skip_all, err)]
pub async fn configs(
    conn: &mut PgConnection,
    one: Option<i64>,
    include_inactive: bool,
) -> sqlx::Result<Vec<Config>> {
    sqlx::query_as!(
        Config,
        "SELECT id, name, description, system_prompt, is_active, run_automatically, created_by,
                revision, created_at, updated_at
           FROM audit_configs
          WHERE ($1::bigint IS NULL OR id = $1) AND (is_active OR $2)
          ORDER BY created_at DESC, id DESC",
        one,
        include_inactive
    )
    .fetch_all(conn)
    .await
}

/// The steps of configurations, in order.
#[tracing::instrument(name = "store.catalogue.steps", skip_all, err)]
pub async fn steps(conn: &mut PgConnection, configs: &[i64]) -> sqlx::Result<Vec<Step>> {
    sqlx::query_as!(
        Step,
        "SELECT id, audit_config_id, name, description, prompt, control_points, keywords,
                severity_level, is_critical, position, weight, chronological_important,
                verify_product_info, created_at, updated_at
           FROM audit_steps WHERE audit_config_id = ANY($1) ORDER BY audit_config_id, position",
        configs
    )
    .fetch_all(conn)
    .await
}

/// One step.
#[tracing::instrument(name = "store.catalogue.step", skip_all, err)]
pub async fn step(conn: &mut PgConnection, id: i64) -> sqlx::Result<Option<Step>> {
    sqlx::query_as!(
        Step,
        "SELECT id, audit_config_id, name, description, prompt, control_points, keywords,
                severity_level, is_critical, position, weight, chronological_important,
                verify_product_info, created_at, updated_at
           FROM audit_steps WHERE id = $1",
        id
    )
    .fetch_optional(conn)
    .await
}

/// How all configurations, or one, are used, newest first. Without `with_lexical` only scores that a
/// model gave count (`audits.md` 5.6).
#[tracing::instrument(name = "store.catalogue.stats", skip_all, err)]
pub async fn stats(
    conn: &mut PgConnection,
    one: Option<i64>,
    with_lexical: bool,
) -> sqlx::Result<Vec<Stats>> {
    sqlx::query_as!(
        Stats,
        r#"SELECT c.id, c.name, u.total AS "total!", u.completed AS "completed!",
                  u.failed AS "failed!", u.average_score, u.average_duration_ms, u.last_used_at,
                  COALESCE(u.compliance_rate, 0) AS "compliance_rate!"
             FROM audit_configs c,
                  LATERAL (
                  SELECT count(*) AS total, max(a.created_at) AS last_used_at,
                         count(*) FILTER (WHERE a.phase = 'completed') AS completed,
                         count(*) FILTER (WHERE a.phase = 'failed') AS failed,
                         round(avg(a.score_percentage)
                                   FILTER (WHERE a.phase = 'completed'
                                             AND ($2 OR a.engine IS DISTINCT FROM 'lexical')),
                               2)::float8 AS average_score,
                         round(avg(a.duration_ms) FILTER (WHERE a.phase = 'completed'))::float8
                             AS average_duration_ms,
                         round(avg(CASE WHEN a.is_compliant THEN 100.0 ELSE 0 END)
                                   FILTER (WHERE a.phase = 'completed'
                                             AND ($2 OR a.engine IS DISTINCT FROM 'lexical')),
                               2)::float8 AS compliance_rate
                    FROM audits a
                   WHERE a.audit_config_id = c.id AND a.is_latest AND a.deleted_at IS NULL) u
            WHERE $1::bigint IS NULL OR c.id = $1
            ORDER BY c.created_at DESC, c.id DESC"#,
        one,
        with_lexical
    )
    .fetch_all(conn)
    .await
}
