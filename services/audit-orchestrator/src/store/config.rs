//! Audit configurations and their steps.

use crate::domain::config_input::NewConfig;
use crate::store::impossible;
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use vigie_events::ids::AuditConfigId;
use vigie_scorecard::{ConfigSnapshot, StepDefinition};

/// What a run request needs to know of a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigState {
    /// Key.
    pub id: AuditConfigId,
    /// Name.
    pub name: String,
    /// Whether it may be used.
    pub is_active: bool,
    /// Revision.
    pub revision: i32,
    /// Number of steps.
    pub steps: i64,
}

struct StateRow {
    id: i64,
    name: String,
    is_active: bool,
    revision: i32,
    steps: i64,
}

impl From<StateRow> for ConfigState {
    fn from(row: StateRow) -> Self {
        let StateRow {
            id,
            name,
            is_active,
            revision,
            steps,
        } = row;
        Self {
            id: AuditConfigId::new(id),
            name,
            is_active,
            revision,
            steps,
        }
    }
}

/// One configuration.
#[tracing::instrument(name = "store.config.state", skip_all, err)]
pub async fn state(
    conn: &mut PgConnection,
    id: AuditConfigId,
) -> sqlx::Result<Option<ConfigState>> {
    let row = sqlx::query_as!(
        StateRow,
        r#"SELECT id, name, is_active, revision,
                  (SELECT count(*) FROM audit_steps s WHERE s.audit_config_id = c.id) AS "steps!"
             FROM audit_configs c WHERE id = $1"#,
        id.get()
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(ConfigState::from))
}

/// The active configuration created last.
#[tracing::instrument(name = "store.config.latest_active", skip_all, err)]
pub async fn latest_active(conn: &mut PgConnection) -> sqlx::Result<Option<ConfigState>> {
    let row = sqlx::query_as!(
        StateRow,
        r#"SELECT id, name, is_active, revision,
                  (SELECT count(*) FROM audit_steps s WHERE s.audit_config_id = c.id) AS "steps!"
             FROM audit_configs c WHERE is_active ORDER BY created_at DESC, id DESC LIMIT 1"#
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(ConfigState::from))
}

/// The active ones among these, and with `automatic` all that run automatically, oldest first.
#[tracing::instrument(name = "store.config.resolve", skip_all, err)]
pub async fn resolve(
    conn: &mut PgConnection,
    ids: &[i64],
    automatic: bool,
) -> sqlx::Result<Vec<ConfigState>> {
    let rows = sqlx::query_as!(
        StateRow,
        r#"SELECT id, name, is_active, revision, count AS "steps!"
             FROM audit_configs c,
                  LATERAL (SELECT count(*) FROM audit_steps s WHERE s.audit_config_id = c.id) n
            WHERE is_active AND (id = ANY($1) OR ($2 AND run_automatically))
            ORDER BY array_position($1, id) NULLS LAST, id"#,
        ids,
        automatic
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(ConfigState::from).collect())
}

/// A configuration as lists show it.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the columns, under their names")]
pub struct ConfigSummary {
    pub id: i64,
    pub name: String,
    pub description: Option<String>,
    pub system_prompt: Option<String>,
    pub is_active: bool,
    pub run_automatically: bool,
    pub steps: i64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub created_by: Option<String>,
}

/// All configurations, newest first.
#[tracing::instrument(name = "store.config.list", skip_all, err)]
pub async fn list(
    conn: &mut PgConnection,
    include_inactive: bool,
) -> sqlx::Result<Vec<ConfigSummary>> {
    sqlx::query_as!(
        ConfigSummary,
        r#"SELECT id, name, description, system_prompt, is_active, run_automatically,
                  (SELECT count(*) FROM audit_steps s WHERE s.audit_config_id = c.id) AS "steps!",
                  created_at, updated_at, created_by
             FROM audit_configs c WHERE is_active OR $1
            ORDER BY created_at DESC, id DESC"#,
        include_inactive
    )
    .fetch_all(conn)
    .await
}

/// A configuration with its steps in order, to be frozen.
#[tracing::instrument(name = "store.config.snapshot", skip_all, err)]
pub async fn snapshot(
    conn: &mut PgConnection,
    id: AuditConfigId,
) -> sqlx::Result<Option<ConfigSnapshot>> {
    // One round trip: every audit asks once.
    let rows = sqlx::query!(
        r#"SELECT c.name, c.description, c.system_prompt, c.revision,
                  s.position AS "position?", s.name AS "step_name?", s.description AS step_description,
                  s.prompt AS "prompt?", s.control_points AS "control_points?",
                  s.keywords AS "keywords?", s.severity_level AS "severity?",
                  s.is_critical AS "is_critical?", s.weight AS "weight?",
                  s.chronological_important AS "chronological?",
                  s.verify_product_info AS "verify_product?"
             FROM audit_configs c LEFT JOIN audit_steps s ON s.audit_config_id = c.id
            WHERE c.id = $1 ORDER BY s.position"#,
        id.get()
    )
    .fetch_all(conn)
    .await?;
    let mut snapshot = None;
    for row in rows {
        let config = snapshot.get_or_insert_with(|| ConfigSnapshot {
            id: id.to_string(),
            name: row.name,
            description: row.description,
            system_prompt: row.system_prompt,
            revision: row.revision,
            steps: Vec::new(),
        });
        let (Some(position), Some(name), Some(prompt)) = (row.position, row.step_name, row.prompt)
        else {
            continue;
        };
        config.steps.push(StepDefinition {
            position,
            name,
            description: row.step_description,
            prompt,
            control_points: row.control_points.unwrap_or_default(),
            keywords: row.keywords.unwrap_or_default(),
            severity: row
                .severity
                .unwrap_or_default()
                .parse()
                .map_err(impossible)?,
            is_critical: row.is_critical.unwrap_or_default(),
            weight: row.weight.unwrap_or_default(),
            chronological_important: row.chronological.unwrap_or_default(),
            verify_product_info: row.verify_product.unwrap_or_default(),
        });
    }
    Ok(snapshot)
}

/// Whether there is no configuration yet. Locks seeding until the transaction ends, so that two
/// replicas starting together seed once.
#[tracing::instrument(name = "store.config.needs_seed", skip_all, err)]
pub async fn needs_seed(conn: &mut PgConnection) -> sqlx::Result<bool> {
    sqlx::query!("SELECT pg_advisory_xact_lock(hashtextextended('audit-config-seed', 0))")
        .execute(&mut *conn)
        .await?;
    sqlx::query_scalar!(r#"SELECT NOT EXISTS (SELECT FROM audit_configs) AS "empty!""#)
        .fetch_one(conn)
        .await
}

/// Inserts a configuration with its steps.
#[tracing::instrument(name = "store.config.insert", skip_all, err)]
pub async fn insert(conn: &mut PgConnection, config: &NewConfig) -> sqlx::Result<AuditConfigId> {
    // The clock's time, not the transaction's: configurations inserted together keep their order.
    let id = sqlx::query_scalar!(
        "INSERT INTO audit_configs
             (name, description, system_prompt, is_active, run_automatically, created_by, created_at,
              updated_at)
         SELECT $1, $2, $3, $4, $5, $6, at, at FROM clock_timestamp() AS at RETURNING id",
        config.name,
        config.description,
        config.system_prompt,
        config.is_active,
        config.run_automatically,
        config.created_by
    )
    .fetch_one(&mut *conn)
    .await?;
    let steps = serde_json::to_value(&config.steps).map_err(impossible)?;
    sqlx::query!(
        r#"INSERT INTO audit_steps
             (audit_config_id, position, name, description, prompt, control_points, keywords,
              severity_level, is_critical, weight, chronological_important, verify_product_info)
         SELECT $1, s.position, s.name, s.description, s.prompt, s."controlPoints", s.keywords,
                s."severityLevel", s."isCritical", s.weight, s."chronologicalImportant",
                s."verifyProductInfo"
           FROM jsonb_to_recordset($2) AS s (
                position integer, name text, description text, prompt text,
                "controlPoints" text[], keywords text[], "severityLevel" text,
                "isCritical" boolean, weight integer, "chronologicalImportant" boolean,
                "verifyProductInfo" boolean)"#,
        id,
        steps
    )
    .execute(conn)
    .await?;
    Ok(AuditConfigId::new(id))
}
