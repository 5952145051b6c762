//! How audits end: completed in batches, failed one by one.

use crate::domain::audit::Audit;
use sqlx::PgConnection;
use vigie_events::audit::FailureStage;
use vigie_events::ids::AuditId;
use vigie_scorecard::AuditSummary;

/// An audit whose last step is in.
#[derive(Debug)]
pub struct Completion {
    /// The audit.
    pub id: AuditId,
    /// Number of its last message.
    pub sequence: i64,
    /// From start to end.
    pub duration_ms: i64,
    /// Outcome.
    pub summary: AuditSummary,
    /// Engine that judged.
    pub engine: String,
    /// `result_data`.
    pub snapshot: String,
}

/// Completes audits. Each was locked while `analyzing`.
#[tracing::instrument(name = "store.end.complete", skip_all, err)]
pub async fn complete(conn: &mut PgConnection, audits: &[Completion]) -> sqlx::Result<()> {
    if audits.is_empty() {
        return Ok(());
    }
    macro_rules! column {
        (|$audit:ident| $value:expr) => {
            &audits.iter().map(|$audit| $value).collect::<Vec<_>>()
        };
    }
    sqlx::query!(
        "UPDATE audits a
            SET phase = 'completed', completed_at = now(), updated_at = now(),
                sequence = c.sequence, duration_ms = c.duration_ms,
                overall_score = c.score::numeric, score_percentage = c.score::numeric,
                niveau = c.niveau, is_compliant = c.is_compliant,
                critical_passed = c.critical_passed, critical_total = c.critical_total,
                completeness = c.completeness, engine = c.engine, total_tokens = c.total_tokens,
                successful_steps = c.successful_steps, failed_steps = c.failed_steps,
                result_data = c.snapshot::json, lock_version = a.lock_version + 1
           FROM UNNEST($1::bigint[], $2::bigint[], $3::bigint[], $4::text[], $5::text[],
                       $6::boolean[], $7::integer[], $8::integer[], $9::text[], $10::text[],
                       $11::bigint[], $12::integer[], $13::integer[], $14::text[])
             AS c (id, sequence, duration_ms, score, niveau, is_compliant, critical_passed,
                   critical_total, completeness, engine, total_tokens, successful_steps,
                   failed_steps, snapshot)
          WHERE a.id = c.id AND a.phase = 'analyzing'",
        column!(|a| a.id.get()),
        column!(|a| a.sequence),
        column!(|a| a.duration_ms),
        column!(|a| a.summary.compliance.score.to_string()),
        column!(|a| a.summary.compliance.niveau.as_str().to_owned()),
        column!(|a| a.summary.compliance.is_compliant()),
        column!(|a| a.summary.compliance.critical_passed),
        column!(|a| a.summary.compliance.critical_total),
        column!(|a| a.summary.completeness.as_str().to_owned()),
        column!(|a| a.engine.clone()),
        column!(|a| a.summary.statistics.total_tokens),
        column!(|a| a.summary.statistics.successful_steps),
        column!(|a| a.summary.statistics.failed_steps),
        column!(|a| a.snapshot.clone())
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Marks an audit failed and hands its latest flag back to the newest completed version (1.5).
#[tracing::instrument(name = "store.end.fail", skip_all, fields(audit.id = %audit.id), err)]
pub async fn fail(
    conn: &mut PgConnection,
    audit: &Audit,
    stage: FailureStage,
    error: &str,
    sequence: i64,
) -> sqlx::Result<bool> {
    let was_latest = sqlx::query_scalar!(
        "UPDATE audits
            SET phase = 'failed', failure_stage = $2, error_message = $3, completed_at = now(),
                updated_at = now(), sequence = $4
          WHERE id = $1 AND phase NOT IN ('completed', 'failed')
      RETURNING is_latest",
        audit.id.get(),
        stage.as_str(),
        error,
        sequence
    )
    .fetch_optional(&mut *conn)
    .await?;
    let Some(was_latest) = was_latest else {
        return Ok(false);
    };
    if was_latest {
        hand_back(conn, audit).await?;
    }
    Ok(true)
}

/// Two statements: the unique index does not wait for the end of one.
async fn hand_back(conn: &mut PgConnection, audit: &Audit) -> sqlx::Result<()> {
    let previous = sqlx::query_scalar!(
        "SELECT id FROM audits
          WHERE fiche_id = $1 AND audit_config_id = $2 AND phase = 'completed'
            AND deleted_at IS NULL
          ORDER BY version DESC LIMIT 1",
        audit.fiche.as_str(),
        audit.config.get()
    )
    .fetch_optional(&mut *conn)
    .await?;
    let Some(previous) = previous else {
        return Ok(());
    };
    sqlx::query!(
        "UPDATE audits SET is_latest = false WHERE id = $1",
        audit.id.get()
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!("UPDATE audits SET is_latest = true WHERE id = $1", previous)
        .execute(conn)
        .await?;
    Ok(())
}
