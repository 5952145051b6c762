//! The audits of a fiche of a run, one a configuration.

use super::{as_i32, as_u32};
use crate::domain::item::{AuditEnd, ItemAudit};
use sqlx::PgConnection;
use vigie_events::ids::{AuditConfigId, AuditId, AutomationRunId, FicheId};

/// Notes audits that are asked for.
#[tracing::instrument(name = "store.audit.insert", skip_all, fields(run.id = %run), err)]
pub async fn insert(
    conn: &mut PgConnection,
    run: AutomationRunId,
    fiche: &FicheId,
    configs: &[AuditConfigId],
) -> sqlx::Result<()> {
    let configs: Vec<i64> = configs.iter().map(|config| config.get()).collect();
    sqlx::query!(
        "INSERT INTO automation_run_item_audits (run_id, fiche_id, audit_config_id)
         SELECT $1, $2, config FROM UNNEST($3::bigint[]) AS c (config)
             ON CONFLICT DO NOTHING",
        run.get(),
        fiche.as_str(),
        &configs
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "UPDATE automation_run_items SET audits_expected = $3 WHERE run_id = $1 AND fiche_id = $2",
        run.get(),
        fiche.as_str(),
        i32::try_from(configs.len()).unwrap_or(i32::MAX)
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The audits of a fiche, in the order of their configurations.
#[tracing::instrument(name = "store.audit.of", skip_all, fields(run.id = %run), err)]
pub async fn of(
    conn: &mut PgConnection,
    run: AutomationRunId,
    fiche: &FicheId,
) -> sqlx::Result<Vec<ItemAudit>> {
    let rows = sqlx::query!(
        "SELECT audit_config_id, state, attempt, error FROM automation_run_item_audits
          WHERE run_id = $1 AND fiche_id = $2 ORDER BY updated_at, audit_config_id",
        run.get(),
        fiche.as_str()
    )
    .fetch_all(conn)
    .await?;
    let audit = rows.into_iter().map(|row| ItemAudit {
        config: AuditConfigId::new(row.audit_config_id),
        end: match row.state.as_str() {
            "completed" => Some(AuditEnd::Completed),
            "failed" => Some(AuditEnd::Failed(row.error.unwrap_or_default())),
            _ => None,
        },
        attempt: as_u32(row.attempt),
    });
    Ok(audit.collect())
}

/// An audit ended.
#[tracing::instrument(name = "store.audit.close", skip_all, fields(run.id = %run), err)]
pub async fn close(
    conn: &mut PgConnection,
    run: AutomationRunId,
    fiche: &FicheId,
    config: AuditConfigId,
    audit: Option<AuditId>,
    end: &AuditEnd,
) -> sqlx::Result<()> {
    let (state, error) = match end {
        AuditEnd::Completed => ("completed", None),
        AuditEnd::Failed(error) => ("failed", Some(error.as_str())),
    };
    sqlx::query!(
        "WITH closed AS (
             UPDATE automation_run_item_audits
                SET state = $4, audit_id = COALESCE($5, audit_id), error = $6,
                    updated_at = clock_timestamp()
              WHERE run_id = $1 AND fiche_id = $2 AND audit_config_id = $3 AND state = 'sent'
          RETURNING state
         )
         UPDATE automation_run_items i
            SET audits_done = audits_done + 1,
                audits_failed = audits_failed + (closed.state = 'failed')::int
           FROM closed WHERE i.run_id = $1 AND i.fiche_id = $2",
        run.get(),
        fiche.as_str(),
        config.get(),
        state,
        audit.map(AuditId::get),
        error
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Audits are asked for once more.
#[tracing::instrument(name = "store.audit.retry", skip_all, fields(run.id = %run), err)]
pub async fn retry(
    conn: &mut PgConnection,
    run: AutomationRunId,
    fiche: &FicheId,
    config: AuditConfigId,
    attempt: u32,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE automation_run_item_audits
            SET attempt = $4, audit_id = NULL, updated_at = clock_timestamp()
          WHERE run_id = $1 AND fiche_id = $2 AND audit_config_id = $3 AND state = 'sent'",
        run.get(),
        fiche.as_str(),
        config.get(),
        as_i32(attempt)
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Notes an audit that ended after its fiche was closed.
#[tracing::instrument(name = "store.audit.late", skip_all, fields(run.id = %run), err)]
pub async fn late(
    conn: &mut PgConnection,
    run: AutomationRunId,
    fiche: &FicheId,
    config: AuditConfigId,
    audit: Option<AuditId>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE automation_run_item_audits SET late = true, audit_id = COALESCE($4, audit_id)
          WHERE run_id = $1 AND fiche_id = $2 AND audit_config_id = $3
            AND (state = 'sent' OR audit_id IS NULL)",
        run.get(),
        fiche.as_str(),
        config.get(),
        audit.map(AuditId::get)
    )
    .execute(conn)
    .await?;
    Ok(())
}
