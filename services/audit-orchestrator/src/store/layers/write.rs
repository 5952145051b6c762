//! Writes what is in force.

use super::StepLayers;
use crate::store::joined;
use sqlx::PgConnection;
use std::collections::HashMap;
use vigie_scorecard::{EffectiveStep, Recomputed};

/// Writes what is in force of these steps, each with its audit, and of their points.
#[tracing::instrument(name = "store.layers.write", skip_all, err)]
pub async fn write(
    conn: &mut PgConnection,
    steps: &[(i64, &StepLayers, EffectiveStep)],
) -> sqlx::Result<()> {
    macro_rules! column {
        (|$audit:ident, $layers:ident, $effective:ident| $value:expr) => {
            &steps
                .iter()
                .map(|($audit, $layers, $effective)| $value)
                .collect::<Vec<_>>()
        };
    }
    sqlx::query!(
        "UPDATE audit_step_results r
            SET traite = s.traite, conforme = s.conforme, score = s.score,
                niveau_conformite = s.niveau, total_citations = s.citations,
                ai_minutages = COALESCE(r.ai_minutages, r.minutages),
                minutages = string_to_array(s.minutages, chr(31)),
                lock_version = r.lock_version + 1
           FROM UNNEST($1::bigint[], $2::integer[], $3::boolean[], $4::text[], $5::integer[],
                       $6::text[], $7::integer[], $8::text[])
             AS s (audit, position, traite, conforme, score, niveau, citations, minutages)
          WHERE r.audit_id = s.audit AND r.step_position = s.position",
        column!(|audit, _layers, _effective| *audit),
        column!(|_audit, layers, _effective| layers.facts.position),
        column!(|_audit, _layers, effective| effective.values.traite),
        column!(|_audit, _layers, effective| effective.values.conforme.as_str().to_owned()),
        column!(|_audit, _layers, effective| effective.values.score),
        column!(|_audit, _layers, effective| effective
            .values
            .niveau_conformite
            .as_str()
            .to_owned()),
        column!(|_audit, _layers, effective| effective.total_citations),
        column!(|_audit, _layers, effective| joined(&effective.minutages))
    )
    .execute(&mut *conn)
    .await?;
    let points = || {
        steps.iter().flat_map(|(audit, layers, _)| {
            let points = layers.points.iter().zip(&layers.layered.points);
            points.map(|(now, layered)| (*audit, layers.facts.position, now.index, layered))
        })
    };
    sqlx::query!(
        "UPDATE audit_step_result_control_points p
            SET statut = s.statut, ai_commentaire = COALESCE(p.ai_commentaire, p.commentaire),
                commentaire = s.commentaire, human_statut = s.human
           FROM UNNEST($1::bigint[], $2::integer[], $3::integer[], $4::text[], $5::text[],
                       $6::boolean[])
             AS s (audit, position, point, statut, commentaire, human)
          WHERE p.audit_id = s.audit AND p.step_position = s.position
            AND p.control_point_index = s.point
            AND (p.statut, p.commentaire, p.human_statut)
                IS DISTINCT FROM (s.statut, s.commentaire, s.human)",
        &points().map(|(audit, ..)| audit).collect::<Vec<_>>(),
        &points()
            .map(|(_, position, ..)| position)
            .collect::<Vec<_>>(),
        &points().map(|(_, _, index, _)| index).collect::<Vec<_>>(),
        &points()
            .map(|(.., point)| point.statut().as_str().to_owned())
            .collect::<Vec<_>>(),
        &points()
            .map(|(.., point)| point.commentaire().to_owned())
            .collect::<Vec<_>>(),
        &points()
            .map(|(.., point)| point.is_human())
            .collect::<Vec<_>>()
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The summary of a completed audit, computed anew.
#[derive(Debug)]
pub struct Summary {
    /// The audit.
    pub audit: i64,
    /// Number of its last message.
    pub sequence: i64,
    /// Score and level.
    pub recomputed: Recomputed,
    /// Whether anything is missing.
    pub completeness: &'static str,
    /// `result_data`.
    pub snapshot: serde_json::Value,
}

/// The stored snapshots of audits; one that has none is left out.
#[tracing::instrument(name = "store.layers.snapshots", skip_all, err)]
pub async fn snapshots(
    conn: &mut PgConnection,
    audits: &[i64],
) -> sqlx::Result<HashMap<i64, serde_json::Value>> {
    let rows = sqlx::query!(
        r#"SELECT id, result_data AS "result_data!" FROM audits
            WHERE id = ANY($1) AND result_data IS NOT NULL"#,
        audits
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.id, row.result_data))
        .collect())
}

/// Stores summaries.
#[tracing::instrument(name = "store.layers.summarise", skip_all, err)]
pub async fn summarise(conn: &mut PgConnection, summaries: &[Summary]) -> sqlx::Result<()> {
    macro_rules! column {
        (|$summary:ident| $value:expr) => {
            &summaries.iter().map(|$summary| $value).collect::<Vec<_>>()
        };
    }
    sqlx::query!(
        "UPDATE audits a
            SET overall_score = s.score::numeric, score_percentage = s.score::numeric,
                niveau = s.niveau, is_compliant = s.compliant, critical_passed = s.passed,
                critical_total = s.critical, total_tokens = s.tokens,
                successful_steps = s.successful, failed_steps = s.failed,
                completeness = s.completeness, result_data = s.snapshot::json,
                sequence = s.sequence, lock_version = a.lock_version + 1, updated_at = now()
           FROM UNNEST($1::bigint[], $2::text[], $3::text[], $4::boolean[], $5::integer[],
                       $6::integer[], $7::bigint[], $8::integer[], $9::integer[], $10::text[],
                       $11::text[], $12::bigint[])
             AS s (audit, score, niveau, compliant, passed, critical, tokens, successful, failed,
                   completeness, snapshot, sequence)
          WHERE a.id = s.audit",
        column!(|summary| summary.audit),
        column!(|summary| summary.recomputed.compliance.score.to_string()),
        column!(|summary| summary.recomputed.compliance.niveau.as_str().to_owned()),
        column!(|summary| summary.recomputed.compliance.is_compliant()),
        column!(|summary| summary.recomputed.compliance.critical_passed),
        column!(|summary| summary.recomputed.compliance.critical_total),
        column!(|summary| summary.recomputed.total_tokens),
        column!(|summary| summary.recomputed.successful_steps),
        column!(|summary| summary.recomputed.failed_steps),
        column!(|summary| summary.completeness.to_owned()),
        column!(|summary| summary.snapshot.to_string()),
        column!(|summary| summary.sequence)
    )
    .execute(conn)
    .await?;
    Ok(())
}
