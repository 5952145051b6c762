//! How audits end, any number at once.

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

/// An audit that ends without a score.
#[derive(Debug, Clone, Copy)]
pub struct Failure<'a> {
    /// The audit.
    pub audit: AuditId,
    /// Sanitised text.
    pub error: &'a str,
    /// Number of its last message.
    pub sequence: i64,
}

/// Marks audits failed and hands their latest flag back to the newest completed version (1.5). Each
/// was locked while open.
#[tracing::instrument(name = "store.end.fail", skip_all, err)]
pub async fn fail(
    conn: &mut PgConnection,
    audits: &[Failure<'_>],
    stage: FailureStage,
) -> sqlx::Result<()> {
    let ids: Vec<i64> = audits.iter().map(|it| it.audit.get()).collect();
    let errors: Vec<&str> = audits.iter().map(|it| it.error).collect();
    let sequences: Vec<i64> = audits.iter().map(|it| it.sequence).collect();
    let latest = sqlx::query_scalar!(
        "WITH failed AS (
             UPDATE audits a
                SET phase = 'failed', failure_stage = $4, error_message = f.error,
                    completed_at = now(), updated_at = now(), sequence = f.sequence
               FROM UNNEST($1::bigint[], $2::text[], $3::bigint[]) AS f (id, error, sequence)
              WHERE a.id = f.id AND phase NOT IN ('completed', 'failed')
          RETURNING a.id, a.is_latest)
         SELECT id FROM failed WHERE is_latest",
        &ids,
        &errors as &[&str],
        &sequences,
        stage.as_str()
    )
    .fetch_all(&mut *conn)
    .await?;
    if latest.is_empty() {
        return Ok(());
    }
    hand_back(conn, &latest).await
}

/// Two statements: the unique index does not wait for the end of one.
async fn hand_back(conn: &mut PgConnection, failed: &[i64]) -> sqlx::Result<()> {
    let pairs = sqlx::query!(
        "SELECT latest.id, previous.id AS previous
           FROM audits latest,
                LATERAL (SELECT p.id FROM audits p
                          WHERE p.fiche_id = latest.fiche_id
                            AND p.audit_config_id = latest.audit_config_id
                            AND p.phase = 'completed' AND p.deleted_at IS NULL
                          ORDER BY p.version DESC LIMIT 1) previous
          WHERE latest.id = ANY($1)",
        failed
    )
    .fetch_all(&mut *conn)
    .await?;
    if pairs.is_empty() {
        return Ok(());
    }
    let latest: Vec<i64> = pairs.iter().map(|pair| pair.id).collect();
    let previous: Vec<i64> = pairs.iter().map(|pair| pair.previous).collect();
    sqlx::query!(
        "UPDATE audits SET is_latest = false WHERE id = ANY($1)",
        &latest
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "UPDATE audits SET is_latest = true WHERE id = ANY($1)",
        &previous
    )
    .execute(conn)
    .await?;
    Ok(())
}
