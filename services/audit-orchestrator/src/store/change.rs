//! Changes of audits by people: notes, linkage, deletion and restoring (`audits.md` 6.11), and who is
//! the latest version then (1.5).

use crate::domain::change::AuditChange;
use crate::store::impossible;
use crate::store::insert::lock_versions;
use sqlx::PgConnection;
use vigie_events::ids::{AuditConfigId, AuditId, FicheId};

/// Which versions a change concerns.
struct Versions {
    fiche: FicheId,
    config: AuditConfigId,
}

/// Changes an audit. Takes the lock of inserts, then all versions in the order of their ids, the one
/// order of all writers.
#[tracing::instrument(name = "store.change.apply", skip_all, fields(audit.id = %id), err)]
pub async fn apply(conn: &mut PgConnection, id: AuditId, change: &AuditChange) -> sqlx::Result<()> {
    let row = sqlx::query!(
        "SELECT fiche_id, audit_config_id FROM audits WHERE id = $1",
        id.get()
    )
    .fetch_one(&mut *conn)
    .await?;
    let of = Versions {
        fiche: row.fiche_id.parse().map_err(impossible)?,
        config: AuditConfigId::new(row.audit_config_id),
    };
    lock_versions(conn, &of.fiche, of.config).await?;
    sqlx::query!(
        "SELECT id FROM audits WHERE fiche_id = $1 AND audit_config_id = $2
          ORDER BY id FOR NO KEY UPDATE",
        of.fiche.as_str(),
        of.config.get()
    )
    .fetch_all(&mut *conn)
    .await?;
    sqlx::query!(
        "UPDATE audits
            SET notes = CASE WHEN $2 THEN $3 ELSE notes END,
                automation_schedule_id = CASE WHEN $4 THEN $5 ELSE automation_schedule_id END,
                automation_run_id = CASE WHEN $6 THEN $7 ELSE automation_run_id END,
                trigger_source = CASE WHEN $8 THEN $9 ELSE trigger_source END,
                trigger_user_id = CASE WHEN $10 THEN $11 ELSE trigger_user_id END,
                is_latest = is_latest AND NOT COALESCE($12, false),
                deleted_at = CASE WHEN $12 THEN COALESCE(deleted_at, now())
                                  WHEN NOT $12 THEN NULL ELSE deleted_at END,
                updated_at = now()
          WHERE id = $1",
        id.get(),
        change.notes.is_made(),
        change.notes.value().map(String::as_str),
        change.schedule.is_made(),
        change.schedule.value().copied(),
        change.run.is_made(),
        change.run.value().copied(),
        change.trigger_source.is_made(),
        change.trigger_source.value().map(String::as_str),
        change.trigger_user.is_made(),
        change.trigger_user.value().map(String::as_str),
        change.deleted
    )
    .execute(&mut *conn)
    .await?;
    match change.deleted {
        Some(_) => elect(conn, &of).await,
        None => Ok(()),
    }
}

/// Gives the latest flag to the newest version that is not deleted; where that one failed, to the
/// newest completed one, as its failure did. Two statements: the unique index does not wait for the
/// end of one.
async fn elect(conn: &mut PgConnection, of: &Versions) -> sqlx::Result<()> {
    let (fiche, config) = (of.fiche.as_str(), of.config.get());
    let elected = sqlx::query_scalar!(
        r#"WITH live AS (SELECT id, version, phase FROM audits
                          WHERE fiche_id = $1 AND audit_config_id = $2 AND deleted_at IS NULL)
           SELECT COALESCE(
                    (SELECT l.id FROM live l WHERE newest.phase = 'failed' AND l.phase = 'completed'
                      ORDER BY l.version DESC LIMIT 1),
                    newest.id) AS "id!"
             FROM (SELECT id, phase FROM live ORDER BY version DESC LIMIT 1) newest"#,
        fiche,
        config
    )
    .fetch_optional(&mut *conn)
    .await?;
    sqlx::query!(
        "UPDATE audits SET is_latest = false
          WHERE fiche_id = $1 AND audit_config_id = $2 AND is_latest
            AND id IS DISTINCT FROM $3",
        fiche,
        config,
        elected
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "UPDATE audits SET is_latest = true WHERE id = $1 AND NOT is_latest",
        elected
    )
    .execute(conn)
    .await?;
    Ok(())
}
