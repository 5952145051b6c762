//! Changes of configurations. Each raises the revision, and the row it raises is the lock under which
//! positions are looked at.

use crate::domain::config_input::{ConfigChange, StepChange};
use sqlx::PgConnection;
use vigie_scorecard::StepDefinition;

/// A configuration that is about to be changed.
#[derive(Debug, Clone, Copy)]
pub struct Touched {
    /// Its revision from now on.
    pub revision: i32,
    /// Whether it may be used.
    pub is_active: bool,
}

/// Raises the revision of a configuration and locks it; `None` where there is none.
#[tracing::instrument(name = "store.config_edit.touch", skip_all, err)]
pub async fn touch(conn: &mut PgConnection, config: i64) -> sqlx::Result<Option<Touched>> {
    sqlx::query_as!(
        Touched,
        "UPDATE audit_configs SET revision = revision + 1, updated_at = now() WHERE id = $1
         RETURNING revision, is_active",
        config
    )
    .fetch_optional(conn)
    .await
}

/// Changes a configuration that was touched; gives its name.
#[tracing::instrument(name = "store.config_edit.update", skip_all, err)]
pub async fn update(
    conn: &mut PgConnection,
    config: i64,
    change: &ConfigChange,
) -> sqlx::Result<String> {
    sqlx::query_scalar!(
        "UPDATE audit_configs
            SET name = COALESCE($2, name),
                description = CASE WHEN $3 THEN $4 ELSE description END,
                system_prompt = CASE WHEN $5 THEN $6 ELSE system_prompt END,
                is_active = COALESCE($7, is_active),
                run_automatically = COALESCE($8, run_automatically)
          WHERE id = $1 RETURNING name",
        config,
        change.name,
        change.description.is_made(),
        change.description.value().map(String::as_str),
        change.system_prompt.is_made(),
        change.system_prompt.value().map(String::as_str),
        change.is_active,
        change.run_automatically
    )
    .fetch_one(conn)
    .await
}

/// Deletes a configuration with its steps; `None` where there is none, else its last revision. One
/// that an audit used is refused by its foreign key: [`is_used`] tells that error from others.
#[tracing::instrument(name = "store.config_edit.delete", skip_all, err)]
pub async fn delete(conn: &mut PgConnection, config: i64) -> sqlx::Result<Option<i32>> {
    sqlx::query_scalar!(
        "DELETE FROM audit_configs WHERE id = $1 RETURNING revision",
        config
    )
    .fetch_optional(conn)
    .await
}

/// Whether an audit kept a configuration from being deleted.
pub fn is_used(error: &sqlx::Error) -> bool {
    let error = error.as_database_error();
    error.is_some_and(sqlx::error::DatabaseError::is_foreign_key_violation)
}

/// The positions of the steps of a configuration, with their ids.
#[tracing::instrument(name = "store.config_edit.positions", skip_all, err)]
pub async fn positions(conn: &mut PgConnection, config: i64) -> sqlx::Result<Vec<(i64, i32)>> {
    let rows = sqlx::query!(
        "SELECT id, position FROM audit_steps WHERE audit_config_id = $1 ORDER BY position",
        config
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.id, row.position)).collect())
}

/// Adds a step; gives its id.
#[tracing::instrument(name = "store.config_edit.add_step", skip_all, err)]
pub async fn add_step(
    conn: &mut PgConnection,
    config: i64,
    step: &StepDefinition,
) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        "INSERT INTO audit_steps
             (audit_config_id, position, name, description, prompt, control_points, keywords,
              severity_level, is_critical, weight, chronological_important, verify_product_info)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) RETURNING id",
        config,
        step.position,
        step.name,
        step.description,
        step.prompt,
        &step.control_points,
        &step.keywords,
        step.severity.as_str(),
        step.is_critical,
        step.weight,
        step.chronological_important,
        step.verify_product_info
    )
    .fetch_one(conn)
    .await
}

/// Changes a step of a configuration that was touched.
#[tracing::instrument(name = "store.config_edit.update_step", skip_all, err)]
pub async fn update_step(
    conn: &mut PgConnection,
    step: i64,
    change: &StepChange,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE audit_steps
            SET name = COALESCE($2, name),
                description = CASE WHEN $3 THEN $4 ELSE description END,
                prompt = COALESCE($5, prompt), control_points = COALESCE($6, control_points),
                keywords = COALESCE($7, keywords), severity_level = COALESCE($8, severity_level),
                is_critical = COALESCE($9, is_critical), position = COALESCE($10, position),
                weight = COALESCE($11, weight),
                chronological_important = COALESCE($12, chronological_important),
                verify_product_info = COALESCE($13, verify_product_info), updated_at = now()
          WHERE id = $1",
        step,
        change.name,
        change.description.is_made(),
        change.description.value().map(String::as_str),
        change.prompt,
        change.control_points.as_deref(),
        change.keywords.as_deref(),
        change.severity.map(vigie_scorecard::Severity::as_str),
        change.is_critical,
        change.position,
        change.weight,
        change.chronological_important,
        change.verify_product_info
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Deletes a step of a configuration that was touched.
#[tracing::instrument(name = "store.config_edit.delete_step", skip_all, err)]
pub async fn delete_step(conn: &mut PgConnection, step: i64) -> sqlx::Result<()> {
    sqlx::query!("DELETE FROM audit_steps WHERE id = $1", step)
        .execute(conn)
        .await?;
    Ok(())
}

/// Gives the steps of a configuration the positions 1 to n. One statement: positions are unique when
/// it ends.
#[tracing::instrument(name = "store.config_edit.reorder", skip_all, err)]
pub async fn reorder(conn: &mut PgConnection, config: i64, order: &[i64]) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE audit_steps s SET position = o.position::integer, updated_at = now()
           FROM UNNEST($2::bigint[]) WITH ORDINALITY AS o (id, position)
          WHERE s.id = o.id AND s.audit_config_id = $1",
        config,
        order
    )
    .execute(conn)
    .await?;
    Ok(())
}
