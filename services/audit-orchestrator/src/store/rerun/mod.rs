//! Re-runs: one active a step, each with a deadline.

mod paid;
mod replace;

pub use paid::{pay, pay_calls};
pub use replace::{derive, replace_point, replace_step};

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

/// Re-runs to insert, of steps or of one point.
#[derive(Debug)]
pub struct NewReruns<'a> {
    /// The audit.
    pub audit: i64,
    /// From 1; none for steps.
    pub point: Option<(i32, &'a str)>,
    /// What the user adds.
    pub custom_prompt: Option<&'a str>,
    /// Whether decisions in force are revoked.
    pub force: bool,
    /// The token's user.
    pub requested_by: Option<&'a str>,
    /// One a step.
    pub steps: &'a [NewRerun],
}

/// What differs from step to step.
#[derive(Debug)]
pub struct NewRerun {
    /// From 1.
    pub position: i32,
    /// What the analyzer is told.
    pub guidance: String,
    /// `ce-id` of its command.
    pub event_id: String,
    /// Its id.
    pub rerun_id: String,
}

/// A re-run as stored.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the columns, under their names")]
pub struct Rerun {
    pub audit_id: i64,
    pub step_position: i32,
    pub control_point_index: Option<i32>,
    pub rerun_id: String,
    pub event_id: String,
    pub status: String,
    pub force: bool,
    pub requested_by: Option<String>,
    pub sends: i32,
}

impl Rerun {
    /// Whether it has not ended.
    pub fn is_open(&self) -> bool {
        matches!(self.status.as_str(), "queued" | "running")
    }
}

/// The database's clock, for ids.
#[tracing::instrument(name = "store.rerun.epoch_ms", skip_all, err)]
pub async fn epoch_ms(conn: &mut PgConnection) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint AS "ms!""#
    )
    .fetch_one(conn)
    .await
}

/// Inserts re-runs, `queued`, but of steps that have one in progress. Gives the ids of those inserted.
#[tracing::instrument(name = "store.rerun.insert", skip_all, err)]
pub async fn insert(conn: &mut PgConnection, new: &NewReruns<'_>) -> sqlx::Result<Vec<String>> {
    macro_rules! column {
        (|$step:ident| $value:expr) => {
            &new.steps.iter().map(|$step| $value).collect::<Vec<_>>()
        };
    }
    let kind = if new.point.is_some() {
        "control_point_rerun"
    } else {
        "step_rerun"
    };
    sqlx::query_scalar!(
        r#"INSERT INTO audit_step_result_rerun_events
             (audit_id, step_position, kind, rerun_id, event_id, requested_by, status,
              custom_prompt, control_point_index, point, force, guidance)
         SELECT $1, position, $2, rerun_id, event_id, $3, 'queued', $4, $5, $6, $7, guidance
           FROM UNNEST($8::integer[], $9::text[], $10::text[], $11::text[])
             AS s (position, rerun_id, event_id, guidance)
         ON CONFLICT (audit_id, step_position) WHERE status IN ('queued', 'running') DO NOTHING
         RETURNING rerun_id AS "rerun_id!""#,
        new.audit,
        kind,
        new.requested_by,
        new.custom_prompt,
        new.point.map(|(index, _)| index),
        new.point.map(|(_, text)| text),
        new.force,
        column!(|step| step.position),
        column!(|step| step.rerun_id.as_str()) as &[&str],
        column!(|step| step.event_id.as_str()) as &[&str],
        column!(|step| step.guidance.as_str()) as &[&str]
    )
    .fetch_all(conn)
    .await
}

/// A re-run. Stable under the lock of its audit.
#[tracing::instrument(name = "store.rerun.find", skip_all, err)]
pub async fn find(conn: &mut PgConnection, rerun_id: &str) -> sqlx::Result<Option<Rerun>> {
    sqlx::query_as!(
        Rerun,
        r#"SELECT audit_id, step_position, control_point_index, rerun_id AS "rerun_id!",
                  COALESCE(event_id, '') AS "event_id!", status, force, requested_by, sends
             FROM audit_step_result_rerun_events WHERE rerun_id = $1"#,
        rerun_id
    )
    .fetch_optional(conn)
    .await
}

/// The audit of a re-run.
#[tracing::instrument(name = "store.rerun.audit_of", skip_all, err)]
pub async fn audit_of(conn: &mut PgConnection, rerun_id: &str) -> sqlx::Result<Option<i64>> {
    sqlx::query_scalar!(
        "SELECT audit_id FROM audit_step_result_rerun_events WHERE rerun_id = $1",
        rerun_id
    )
    .fetch_optional(conn)
    .await
}

/// Where an open re-run stands, and what the analyzer is told.
#[derive(Debug)]
#[expect(missing_docs, reason = "the columns, under their names")]
pub struct Wanted {
    pub audit_id: i64,
    pub step_position: i32,
    pub guidance: String,
}

/// A re-run that still waits for its result.
#[tracing::instrument(name = "store.rerun.wanted", skip_all, err)]
pub async fn wanted(conn: &mut PgConnection, rerun_id: &str) -> sqlx::Result<Option<Wanted>> {
    sqlx::query_as!(
        Wanted,
        "SELECT audit_id, step_position, guidance FROM audit_step_result_rerun_events
          WHERE rerun_id = $1 AND status IN ('queued', 'running') AND deadline_at > now()",
        rerun_id
    )
    .fetch_optional(conn)
    .await
}

/// `queued` → `running`; false when it has left the queue before.
#[tracing::instrument(name = "store.rerun.start", skip_all, err)]
pub async fn start(conn: &mut PgConnection, rerun_id: &str) -> sqlx::Result<bool> {
    let started = sqlx::query!(
        "UPDATE audit_step_result_rerun_events SET status = 'running', sent_at = now(), sends = 1
          WHERE rerun_id = $1 AND status = 'queued'",
        rerun_id
    )
    .execute(conn)
    .await?;
    Ok(started.rows_affected() == 1)
}

/// Notes one more sending.
#[tracing::instrument(name = "store.rerun.sent_again", skip_all, err)]
pub async fn sent_again(conn: &mut PgConnection, rerun_id: &str) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE audit_step_result_rerun_events SET sends = sends + 1, sent_at = now()
          WHERE rerun_id = $1",
        rerun_id
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Ends a re-run without a result.
#[tracing::instrument(name = "store.rerun.fail", skip_all, err)]
pub async fn fail(conn: &mut PgConnection, rerun_id: &str, error: &str) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE audit_step_result_rerun_events SET status = 'failed', error = $2
          WHERE rerun_id = $1",
        rerun_id,
        error
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// What the AI said of a step and a point of it, at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Moment {
    /// Score of the step.
    pub score: i32,
    /// Conformity of the step.
    pub conforme: String,
    /// Quotes of the step.
    pub citations: i32,
    /// The point: statut, comment, quotes.
    pub point: Option<(String, String, i32)>,
}

/// Ends a re-run with its result.
#[tracing::instrument(name = "store.rerun.done", skip_all, err)]
pub async fn done(
    conn: &mut PgConnection,
    rerun_id: &str,
    before: &Moment,
    after: &Moment,
) -> sqlx::Result<()> {
    let of_point = after.point.is_some();
    let step = |moment: &Moment| {
        (!of_point).then(|| (moment.score, moment.conforme.clone(), moment.citations))
    };
    let point = |moment: &Moment| moment.point.clone();
    sqlx::query!(
        "UPDATE audit_step_result_rerun_events
            SET status = 'done',
                previous_score = $2, previous_conforme = $3, previous_total_citations = $4,
                next_score = $5, next_conforme = $6, next_total_citations = $7,
                previous_statut = $8, previous_commentaire = $9, previous_citations = $10,
                previous_step_score = $11, previous_step_conforme = $12,
                next_statut = $13, next_commentaire = $14, next_citations = $15,
                next_step_score = $16, next_step_conforme = $17
          WHERE rerun_id = $1",
        rerun_id,
        step(before).map(|step| step.0),
        step(before).map(|step| step.1),
        step(before).map(|step| step.2),
        step(after).map(|step| step.0),
        step(after).map(|step| step.1),
        step(after).map(|step| step.2),
        point(before).map(|point| point.0),
        point(before).map(|point| point.1),
        point(before).map(|point| point.2),
        of_point.then_some(before.score),
        of_point.then(|| before.conforme.clone()),
        point(after).map(|point| point.0),
        point(after).map(|point| point.1),
        point(after).map(|point| point.2),
        of_point.then_some(after.score),
        of_point.then(|| after.conforme.clone())
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// An open re-run that needs the watchdog.
#[derive(Debug)]
pub struct Due {
    /// The re-run.
    pub rerun_id: String,
    /// Past its deadline; else due for re-sending.
    pub overdue: bool,
}

/// Open re-runs past their deadline, or silent for two minutes, doubled each time, or since before
/// the work stream. Not locked: they are looked at again under the lock of their audit.
#[tracing::instrument(name = "store.rerun.due", skip_all, err)]
pub async fn due(
    conn: &mut PgConnection,
    stream_created: Option<DateTime<Utc>>,
) -> sqlx::Result<Vec<Due>> {
    sqlx::query_as!(
        Due,
        r#"SELECT rerun_id AS "rerun_id!", deadline_at <= now() AS "overdue!"
             FROM audit_step_result_rerun_events
            WHERE status IN ('queued', 'running') AND rerun_id IS NOT NULL
              AND (deadline_at <= now() OR sent_at < $1
                   OR sent_at + power(2, LEAST(sends, 10) - 1) * interval '2 minutes' <= now())
            ORDER BY deadline_at LIMIT 200"#,
        stream_created
    )
    .fetch_all(conn)
    .await
}

/// Notes the last message of an audit that changes in nothing else.
#[tracing::instrument(name = "store.rerun.said", skip_all, err)]
pub async fn said(conn: &mut PgConnection, audit: i64, sequence: i64) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE audits SET sequence = $2 WHERE id = $1",
        audit,
        sequence
    )
    .execute(conn)
    .await?;
    Ok(())
}
