//! Results of steps: written once, in sets.

use crate::domain::answer::StepToStore;
use crate::store::{impossible, joined};
use sqlx::PgConnection;
use std::collections::HashMap;
use vigie_scorecard::{
    Conforme, ControlPoint, GatingStats, Outcome, ScoredStep, StepFacts, Verdict,
};

/// A stored step as the end of its audit sees it.
#[derive(Debug, Clone)]
pub struct StoredStep {
    /// What is summed up.
    pub facts: StepFacts,
    /// Engine that judged.
    pub engine: String,
}

/// The stored steps of several audits. Complete under the locks of these audits.
#[tracing::instrument(name = "store.step.stored", skip_all, err)]
pub async fn stored(
    conn: &mut PgConnection,
    audits: &[i64],
    gating: bool,
) -> sqlx::Result<HashMap<i64, Vec<StoredStep>>> {
    let rows = sqlx::query!(
        "SELECT audit_id, step_position, weight, score, is_critical, conforme, traite, outcome,
                error_points, total_tokens, engine, cited, removed_citations, downgraded_points,
                score_reduced, conforme_adjusted
           FROM audit_step_results WHERE audit_id = ANY($1)",
        audits
    )
    .fetch_all(conn)
    .await?;
    let mut stored: HashMap<i64, Vec<StoredStep>> = HashMap::new();
    for row in rows {
        let outcome: Outcome = row.outcome.parse().map_err(impossible)?;
        let conforme = Conforme::from_stored(&row.conforme, |unknown| {
            tracing::warn!(
                audit.id = row.audit_id,
                word = unknown.word,
                "unknown conforme stored"
            );
        });
        stored.entry(row.audit_id).or_default().push(StoredStep {
            facts: StepFacts {
                position: row.step_position,
                scored: ScoredStep {
                    weight: row.weight,
                    score: row.score,
                    is_critical: row.is_critical,
                    conforme,
                },
                traite: row.traite,
                is_fallback: outcome == Outcome::Fallback,
                error_points: row.error_points,
                total_tokens: row.total_tokens,
                gating: GatingStats {
                    enabled: gating,
                    total_citations: row.cited,
                    removed_citations: row.removed_citations,
                    downgraded_control_points: row.downgraded_points,
                    steps_score_reduced: i32::from(row.score_reduced),
                    steps_conforme_adjusted: i32::from(row.conforme_adjusted),
                },
            },
            engine: row.engine,
        });
    }
    Ok(stored)
}

/// A step and the audit it belongs to.
#[derive(Debug)]
pub struct NewStep<'a> {
    /// The audit.
    pub audit: i64,
    /// SHA-256 of the timeline it was settled against.
    pub transcript_hash: &'a str,
    /// The step.
    pub step: &'a StepToStore,
}

/// Inserts steps with their points and citations: three statements, whatever their number. The
/// caller holds the locks of the audits and has left out positions that are stored.
#[tracing::instrument(name = "store.step.insert", skip_all, fields(steps = steps.len()), err)]
pub async fn insert(conn: &mut PgConnection, steps: &[NewStep<'_>]) -> sqlx::Result<()> {
    if steps.is_empty() {
        return Ok(());
    }
    insert_results(conn, steps).await?;
    insert_parts(conn, steps, 1).await
}

/// Inserts points and citations alone; the first point of a step has the index `first`.
pub(super) async fn insert_parts(
    conn: &mut PgConnection,
    steps: &[NewStep<'_>],
    first: i32,
) -> sqlx::Result<()> {
    insert_points(conn, steps, first).await?;
    insert_citations(conn, steps, first).await
}

async fn insert_results(conn: &mut PgConnection, steps: &[NewStep<'_>]) -> sqlx::Result<()> {
    macro_rules! column {
        (|$new:ident, $result:ident| $value:expr) => {{
            let values = steps.iter().map(|$new| {
                let $result = &$new.step.settled.result;
                $value
            });
            &values.collect::<Vec<_>>()
        }};
    }
    let raw: Result<Vec<String>, _> = steps.iter().map(|new| raw_result(new.step)).collect();
    let metadata = |new: &NewStep<'_>| new.step.settled.result.step_metadata.clone();
    let names: Vec<_> = steps
        .iter()
        .map(|new| metadata(new).map_or_else(String::new, |metadata| metadata.name))
        .collect();
    let severities: Vec<_> = steps
        .iter()
        .map(|new| {
            metadata(new)
                .map_or("MEDIUM", |metadata| metadata.severity.as_str())
                .to_owned()
        })
        .collect();
    sqlx::query!(
        r#"INSERT INTO audit_step_results
             (audit_id, step_position, step_name, severity_level, is_critical, weight, traite,
              conforme, score, niveau_conformite, commentaire_global, mots_cles_trouves, minutages,
              erreurs_transcription_tolerees, total_citations, total_tokens, raw_result, outcome,
              ai_traite, ai_conforme, ai_score, ai_niveau_conformite, engine, model,
              prompt_version, transcript_hash, cited, removed_citations, downgraded_points,
              score_reduced, conforme_adjusted, error_points)
         SELECT audit_id, step_position, step_name, severity_level, is_critical, weight, traite,
                conforme, score, niveau, commentaire, string_to_array(mots_cles, chr(31)),
                string_to_array(minutages, chr(31)), erreurs, total_citations, total_tokens,
                raw_result::json, outcome, traite, conforme, score, niveau, engine, model,
                prompt_version, transcript_hash, cited, removed, downgraded, score_reduced,
                conforme_adjusted, error_points
           FROM UNNEST($1::bigint[], $2::integer[], $3::text[], $4::text[], $5::boolean[],
                       $6::integer[], $7::boolean[], $8::text[], $9::integer[], $10::text[],
                       $11::text[], $12::text[], $13::text[], $14::integer[], $15::integer[],
                       $16::bigint[], $17::text[], $18::text[], $19::text[], $20::text[],
                       $21::text[], $22::text[], $23::integer[], $24::integer[], $25::integer[],
                       $26::boolean[], $27::boolean[], $28::integer[])
             AS s (audit_id, step_position, step_name, severity_level, is_critical, weight, traite,
                   conforme, score, niveau, commentaire, mots_cles, minutages, erreurs,
                   total_citations, total_tokens, raw_result, outcome, engine, model,
                   prompt_version, transcript_hash, cited, removed, downgraded, score_reduced,
                   conforme_adjusted, error_points)"#,
        column!(|new, _result| new.audit),
        column!(|new, _result| new.step.facts.position),
        &names,
        &severities,
        column!(|new, _result| new.step.facts.scored.is_critical),
        column!(|_new, result| result.weight()),
        column!(|_new, result| result.traite),
        column!(|_new, result| result.conforme.as_str().to_owned()),
        column!(|_new, result| result.score),
        column!(|_new, result| result.niveau_conformite.as_str().to_owned()),
        column!(|_new, result| result.commentaire_global.clone()),
        column!(|_new, result| joined(&result.mots_cles_trouves)),
        column!(|_new, result| joined(&result.minutages)),
        column!(|_new, result| result.erreurs_transcription_tolerees),
        column!(|_new, result| result.total_citations()),
        column!(|_new, result| result.total_tokens()),
        &raw.map_err(impossible)?,
        column!(|new, _result| if new.step.facts.is_fallback {
            "fallback"
        } else {
            "ok"
        }
        .to_owned()),
        column!(|new, _result| new.step.origin.engine.clone()),
        column!(|new, _result| new.step.origin.model.clone()),
        column!(|new, _result| new.step.origin.prompt_version.clone()),
        column!(|new, _result| new.transcript_hash.to_owned()),
        column!(|new, _result| new.step.settled.gating.total_citations),
        column!(|new, _result| new.step.settled.gating.removed_citations),
        column!(|new, _result| new.step.settled.gating.downgraded_control_points),
        column!(|new, _result| new.step.settled.gating.steps_score_reduced > 0),
        column!(|new, _result| new.step.settled.gating.steps_conforme_adjusted > 0),
        column!(|new, _result| new.step.facts.error_points)
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// `raw_result`: the metadata and usage alone (2.5 row 7).
pub(super) fn raw_result(step: &StepToStore) -> serde_json::Result<String> {
    let result = &step.settled.result;
    serde_json::to_string(&serde_json::json!({
        "step_metadata": result.step_metadata,
        "usage": result.usage,
    }))
}

/// Columns of one table, filled row by row.
#[derive(Default)]
struct Points<'a> {
    audits: Vec<i64>,
    positions: Vec<i32>,
    indexes: Vec<i32>,
    texts: Vec<&'a str>,
    statuts: Vec<&'static str>,
    commentaires: Vec<&'a str>,
    minutages: Vec<String>,
    erreurs: Vec<bool>,
    variations: Vec<Option<&'a str>>,
    verdicts: Vec<&'static str>,
}

impl<'a> Points<'a> {
    fn push(&mut self, new: &NewStep<'a>, index: i32, point: &'a ControlPoint) {
        self.audits.push(new.audit);
        self.positions.push(new.step.facts.position);
        self.indexes.push(index);
        self.texts.push(&point.point);
        self.statuts.push(point.statut.as_str());
        self.commentaires.push(&point.commentaire);
        self.minutages.push(joined(&point.minutages));
        self.erreurs.push(point.erreur_transcription_notee);
        self.variations
            .push(point.variation_phonetique_utilisee.as_deref());
        self.verdicts.push(
            point
                .verdict
                .unwrap_or(Verdict::from(point.statut))
                .as_str(),
        );
    }
}

async fn insert_points(
    conn: &mut PgConnection,
    steps: &[NewStep<'_>],
    first: i32,
) -> sqlx::Result<()> {
    let mut rows = Points::default();
    for new in steps {
        for (index, point) in (first..).zip(&new.step.settled.result.points_controle) {
            rows.push(new, index, point);
        }
    }
    if rows.audits.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "INSERT INTO audit_step_result_control_points
             (audit_id, step_position, control_point_index, point, statut, commentaire, minutages,
              erreur_transcription_notee, variation_phonetique_utilisee, ai_statut, ai_verdict)
         SELECT audit_id, step_position, control_point_index, point, statut, commentaire,
                string_to_array(minutages, chr(31)), erreur, variation, statut, verdict
           FROM UNNEST($1::bigint[], $2::integer[], $3::integer[], $4::text[], $5::text[],
                       $6::text[], $7::text[], $8::boolean[], $9::text[], $10::text[])
             AS p (audit_id, step_position, control_point_index, point, statut, commentaire,
                   minutages, erreur, variation, verdict)",
        &rows.audits,
        &rows.positions,
        &rows.indexes,
        &rows.texts as &[&str],
        &rows.statuts as &[&str],
        &rows.commentaires as &[&str],
        &rows.minutages,
        &rows.erreurs,
        &rows.variations as &[Option<&str>],
        &rows.verdicts as &[&str]
    )
    .execute(conn)
    .await?;
    Ok(())
}

#[derive(Default)]
struct Citations<'a> {
    audits: Vec<i64>,
    positions: Vec<i32>,
    points: Vec<i32>,
    indexes: Vec<i32>,
    textes: Vec<&'a str>,
    minutages: Vec<&'a str>,
    seconds: Vec<f64>,
    speakers: Vec<&'a str>,
    recordings: Vec<i32>,
    chunks: Vec<i32>,
    dates: Vec<&'a str>,
    times: Vec<&'a str>,
    urls: Vec<&'a str>,
    calls: Vec<Option<&'a str>>,
}

impl<'a> Citations<'a> {
    fn push(&mut self, new: &NewStep<'a>, point_index: i32, point: &'a ControlPoint) {
        for (index, citation) in (1..).zip(&point.citations) {
            self.audits.push(new.audit);
            self.positions.push(new.step.facts.position);
            self.points.push(point_index);
            self.indexes.push(index);
            self.textes.push(&citation.texte);
            self.minutages.push(&citation.minutage);
            self.seconds.push(citation.minutage_secondes);
            self.speakers.push(&citation.speaker);
            self.recordings.push(citation.recording_index);
            self.chunks.push(citation.chunk_index);
            self.dates.push(&citation.recording_date);
            self.times.push(&citation.recording_time);
            self.urls.push(&citation.recording_url);
            self.calls.push(citation.call_id.as_deref());
        }
    }
}

async fn insert_citations(
    conn: &mut PgConnection,
    steps: &[NewStep<'_>],
    first: i32,
) -> sqlx::Result<()> {
    let mut rows = Citations::default();
    for new in steps {
        for (index, point) in (first..).zip(&new.step.settled.result.points_controle) {
            rows.push(new, index, point);
        }
    }
    if rows.audits.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "INSERT INTO audit_step_result_citations
             (audit_id, step_position, control_point_index, citation_index, texte, minutage,
              minutage_secondes, speaker, recording_index, chunk_index, recording_date,
              recording_time, recording_url, call_id)
         SELECT * FROM UNNEST($1::bigint[], $2::integer[], $3::integer[], $4::integer[],
                              $5::text[], $6::text[], $7::double precision[], $8::text[],
                              $9::integer[], $10::integer[], $11::text[], $12::text[],
                              $13::text[], $14::text[])",
        &rows.audits,
        &rows.positions,
        &rows.points,
        &rows.indexes,
        &rows.textes as &[&str],
        &rows.minutages as &[&str],
        &rows.seconds,
        &rows.speakers as &[&str],
        &rows.recordings,
        &rows.chunks,
        &rows.dates as &[&str],
        &rows.times as &[&str],
        &rows.urls as &[&str],
        &rows.calls as &[Option<&str>]
    )
    .execute(conn)
    .await?;
    Ok(())
}
