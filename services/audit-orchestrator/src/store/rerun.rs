//! Re-runs: one active a step, each with a deadline, and what they replace.

use crate::domain::answer::{Answer, StepToStore};
use crate::domain::prices::ModelPrices;
use crate::store::joined;
use crate::store::step::{self, NewStep};
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use vigie_events::audit::ModelCall;
use vigie_scorecard::Derived;

/// A re-run to insert.
#[derive(Debug)]
pub struct NewRerun<'a> {
    /// The audit.
    pub audit: i64,
    /// From 1.
    pub position: i32,
    /// From 1; none for the step.
    pub point: Option<(i32, &'a str)>,
    /// What the user adds.
    pub custom_prompt: Option<&'a str>,
    /// What the analyzer is told.
    pub guidance: &'a str,
    /// Whether decisions in force are revoked.
    pub force: bool,
    /// The token's user.
    pub requested_by: Option<&'a str>,
    /// `ce-id` of its command.
    pub event_id: &'a str,
    /// Its id.
    pub rerun_id: &'a str,
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

/// Inserts a re-run, `queued`; false when its step has one in progress.
#[tracing::instrument(name = "store.rerun.insert", skip_all, err)]
pub async fn insert(conn: &mut PgConnection, new: &NewRerun<'_>) -> sqlx::Result<bool> {
    let kind = if new.point.is_some() {
        "control_point_rerun"
    } else {
        "step_rerun"
    };
    let inserted = sqlx::query!(
        "INSERT INTO audit_step_result_rerun_events
             (audit_id, step_position, kind, rerun_id, event_id, requested_by, status,
              custom_prompt, control_point_index, point, force, guidance)
         VALUES ($1, $2, $3, $4, $5, $6, 'queued', $7, $8, $9, $10, $11)
         ON CONFLICT (audit_id, step_position) WHERE status IN ('queued', 'running') DO NOTHING",
        new.audit,
        new.position,
        kind,
        new.rerun_id,
        new.event_id,
        new.requested_by,
        new.custom_prompt,
        new.point.map(|(index, _)| index),
        new.point.map(|(_, text)| text),
        new.force,
        new.guidance
    )
    .execute(conn)
    .await?;
    Ok(inserted.rows_affected() == 1)
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

/// Replaces what the AI said of a step. Name, severity, weight and critical flag stay.
#[tracing::instrument(name = "store.rerun.replace_step", skip_all, err)]
pub async fn replace_step(
    conn: &mut PgConnection,
    audit: i64,
    transcript_hash: &str,
    new: &StepToStore,
) -> sqlx::Result<()> {
    let position = new.facts.position;
    sqlx::query!(
        "DELETE FROM audit_step_result_control_points WHERE audit_id = $1 AND step_position = $2",
        audit,
        position
    )
    .execute(&mut *conn)
    .await?;
    let (result, gating) = (&new.settled.result, &new.settled.gating);
    let raw = step::raw_result(new).map_err(crate::store::impossible)?;
    sqlx::query!(
        "UPDATE audit_step_results
            SET traite = $3, ai_traite = $3, conforme = $4, ai_conforme = $4, score = $5,
                ai_score = $5, niveau_conformite = $6, ai_niveau_conformite = $6,
                commentaire_global = $7, mots_cles_trouves = string_to_array($8, chr(31)),
                minutages = string_to_array($9, chr(31)), ai_minutages = NULL,
                erreurs_transcription_tolerees = $10, total_citations = $11, total_tokens = $12,
                raw_result = $13::text::json, outcome = 'ok', engine = $14, model = $15,
                prompt_version = $16, transcript_hash = $17, cited = $18, removed_citations = $19,
                downgraded_points = $20, score_reduced = $21, conforme_adjusted = $22,
                error_points = $23
          WHERE audit_id = $1 AND step_position = $2",
        audit,
        position,
        result.traite,
        result.conforme.as_str(),
        result.score,
        result.niveau_conformite.as_str(),
        result.commentaire_global,
        joined(&result.mots_cles_trouves),
        joined(&result.minutages),
        result.erreurs_transcription_tolerees,
        result.total_citations(),
        result.total_tokens(),
        raw,
        new.origin.engine,
        new.origin.model,
        new.origin.prompt_version,
        transcript_hash,
        gating.total_citations,
        gating.removed_citations,
        gating.downgraded_control_points,
        gating.steps_score_reduced > 0,
        gating.steps_conforme_adjusted > 0,
        new.facts.error_points
    )
    .execute(&mut *conn)
    .await?;
    let new = NewStep {
        audit,
        transcript_hash,
        step: new,
    };
    step::insert_parts(conn, &[new], 1).await
}

/// Replaces what the AI said of one point.
#[tracing::instrument(name = "store.rerun.replace_point", skip_all, err)]
pub async fn replace_point(
    conn: &mut PgConnection,
    audit: i64,
    transcript_hash: &str,
    index: i32,
    new: &StepToStore,
) -> sqlx::Result<()> {
    let position = new.facts.position;
    sqlx::query!(
        "DELETE FROM audit_step_result_control_points
          WHERE audit_id = $1 AND step_position = $2 AND control_point_index = $3",
        audit,
        position,
        index
    )
    .execute(&mut *conn)
    .await?;
    let new = NewStep {
        audit,
        transcript_hash,
        step: new,
    };
    step::insert_parts(conn, &[new], index).await
}

/// Sets what the AI says of a step to what its points give (5.4). Tokens and comment stay.
#[tracing::instrument(name = "store.rerun.derive", skip_all, err)]
pub async fn derive(
    conn: &mut PgConnection,
    audit: i64,
    position: i32,
    derived: Derived,
    minutages: &[String],
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE audit_step_results r
            SET ai_score = $3, ai_conforme = $4, ai_niveau_conformite = $5,
                ai_minutages = string_to_array($6, chr(31)),
                error_points = (SELECT count(*)::integer FROM audit_step_result_control_points p
                                 WHERE p.audit_id = r.audit_id AND p.step_position = r.step_position
                                   AND p.ai_verdict = 'ERROR')
          WHERE audit_id = $1 AND step_position = $2",
        audit,
        position,
        derived.score,
        derived.conforme.as_str(),
        derived.niveau.as_str(),
        joined(minutages)
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Stores the calls of an attempt of a re-run, once.
#[tracing::instrument(name = "store.rerun.pay", skip_all, err)]
pub async fn pay(
    conn: &mut PgConnection,
    audit: i64,
    rerun_id: &str,
    answer: &Answer,
    prices: &ModelPrices,
) -> sqlx::Result<()> {
    let place = (audit, answer.position, answer.attempt_number());
    pay_calls(conn, place, rerun_id, &answer.calls, prices).await
}

/// The same, for calls without an answer.
#[tracing::instrument(name = "store.rerun.pay_calls", skip_all, err)]
pub async fn pay_calls(
    conn: &mut PgConnection,
    (audit, position, attempt): (i64, i32, i32),
    rerun_id: &str,
    calls: &[ModelCall],
    prices: &ModelPrices,
) -> sqlx::Result<()> {
    macro_rules! column {
        (|$call:ident| $value:expr) => {
            &calls.iter().map(|$call| $value).collect::<Vec<_>>()
        };
    }
    sqlx::query!(
        "INSERT INTO audit_model_calls
             (audit_id, step_position, rerun_id, purpose, attempt, engine, model, prompt_tokens,
              cached_tokens, completion_tokens, cost_micros, latency_ms, outcome)
         SELECT $1, $2, $3, 'rerun', $4, engine, model, prompt, cached, completion, cost, latency,
                outcome
           FROM UNNEST($5::text[], $6::text[], $7::bigint[], $8::bigint[], $9::bigint[],
                       $10::bigint[], $11::bigint[], $12::text[])
             AS c (engine, model, prompt, cached, completion, cost, latency, outcome)
          WHERE NOT EXISTS (SELECT FROM audit_model_calls k
                             WHERE k.audit_id = $1 AND k.rerun_id = $3 AND k.attempt = $4)",
        audit,
        position,
        rerun_id,
        attempt,
        column!(|call| call.engine.clone()),
        column!(|call| call.model.clone()),
        column!(|call| call.prompt_tokens),
        column!(|call| call.cached_tokens),
        column!(|call| call.completion_tokens),
        column!(|call| prices.cost_micros(call)) as &[Option<i64>],
        column!(|call| call.latency_ms),
        column!(|call| if call.ok { "ok" } else { "failed" }.to_owned())
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
