//! Stored steps read back, for details and the latest view.

use crate::domain::view::{ViewedStep, assemble};
use crate::store::{impossible, trail};
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use sqlx::types::Json;
use std::collections::HashMap;
use vigie_scorecard::{
    Citation, Conforme, ControlPoint, Niveau, Statut, StepMetadata, StepResult, Usage, Verdict,
    VerdictSource,
};

/// A step's row, as details show it.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the columns, under their names")]
pub struct StepRow {
    pub id: i64,
    pub audit_id: i64,
    pub step_position: i32,
    pub step_name: String,
    pub severity_level: String,
    pub is_critical: bool,
    pub weight: i32,
    pub traite: bool,
    pub conforme: String,
    pub score: i32,
    pub niveau_conformite: String,
    pub commentaire_global: String,
    pub mots_cles_trouves: Vec<String>,
    pub minutages: Vec<String>,
    pub erreurs_transcription_tolerees: i32,
    pub total_citations: i32,
    pub total_tokens: i64,
    pub created_at: DateTime<Utc>,
    pub outcome: String,
    pub engine: String,
    pub model: String,
    pub prompt_version: String,
    pub raw: Json<RawResult>,
}

/// `raw_result`.
#[derive(Debug, Clone, Default, serde::Deserialize)]
pub struct RawResult {
    /// Facts of the step and origin of its result.
    #[serde(default)]
    pub step_metadata: Option<StepMetadata>,
    /// Tokens.
    #[serde(default)]
    pub usage: Option<Usage>,
}

/// The steps of audits, in position order.
#[tracing::instrument(name = "store.view.steps", skip_all, err)]
pub async fn steps(conn: &mut PgConnection, audits: &[i64]) -> sqlx::Result<Vec<StepRow>> {
    sqlx::query_as!(
        StepRow,
        r#"SELECT id, audit_id, step_position, step_name, severity_level, is_critical, weight,
                  traite, conforme, score, niveau_conformite, commentaire_global,
                  mots_cles_trouves, minutages, erreurs_transcription_tolerees, total_citations,
                  total_tokens, created_at, outcome, engine, model, prompt_version,
                  COALESCE(raw_result, '{}') AS "raw!: Json<RawResult>"
             FROM audit_step_results WHERE audit_id = ANY($1)
            ORDER BY audit_id, step_position"#,
        audits
    )
    .fetch_all(conn)
    .await
}

/// The steps of audits in the shape of 8.4, points and citations included, by audit.
#[tracing::instrument(name = "store.view.full", skip_all, err)]
pub async fn full(
    conn: &mut PgConnection,
    audits: &[i64],
    rows: &[StepRow],
) -> sqlx::Result<HashMap<i64, Vec<ViewedStep>>> {
    let mut points = points(conn, audits).await?;
    let mut trails = trail::of(conn, audits).await?;
    let mut citations = citations(conn, audits).await?;
    let mut steps: HashMap<i64, Vec<ViewedStep>> = HashMap::new();
    for row in rows {
        let place = (row.audit_id, row.step_position);
        let step = ViewedStep {
            position: row.step_position,
            result: result(row),
            trails: trails.remove(&place).unwrap_or_default(),
        };
        steps.entry(row.audit_id).or_default().push(step);
    }
    let viewed = steps.into_iter().map(|(audit, steps)| {
        let points = points.remove(&audit).unwrap_or_default();
        let citations = citations.remove(&audit).unwrap_or_default();
        (audit, assemble(steps, points, citations))
    });
    Ok(viewed.collect())
}

fn result(row: &StepRow) -> StepResult {
    let warn = |unknown: &vigie_scorecard::UnknownWord| {
        tracing::warn!(
            audit.id = row.audit_id,
            step = row.step_position,
            list = unknown.list,
            word = unknown.word,
            "unknown word stored"
        );
    };
    StepResult {
        traite: row.traite,
        conforme: Conforme::from_stored(&row.conforme, warn),
        minutages: row.minutages.clone(),
        score: row.score,
        points_controle: Vec::new(),
        mots_cles_trouves: row.mots_cles_trouves.clone(),
        commentaire_global: row.commentaire_global.clone(),
        niveau_conformite: Niveau::from_stored(&row.niveau_conformite, warn),
        erreurs_transcription_tolerees: row.erreurs_transcription_tolerees,
        step_metadata: row.raw.step_metadata.clone(),
        usage: Some(row.raw.usage.unwrap_or_default()),
    }
}

type ByAudit<T> = HashMap<i64, Vec<(i32, i32, T)>>;

async fn points(conn: &mut PgConnection, audits: &[i64]) -> sqlx::Result<ByAudit<ControlPoint>> {
    let rows = sqlx::query!(
        "SELECT audit_id, step_position, control_point_index, point, statut, commentaire,
                minutages, erreur_transcription_notee, variation_phonetique_utilisee, ai_verdict,
                human_statut
           FROM audit_step_result_control_points WHERE audit_id = ANY($1)
          ORDER BY audit_id, step_position, control_point_index",
        audits
    )
    .fetch_all(conn)
    .await?;
    let mut points: ByAudit<ControlPoint> = HashMap::new();
    for row in rows {
        let statut: Statut = row.statut.parse().map_err(impossible)?;
        // A decision in force is the verdict; it never says ERROR or UNVERIFIABLE.
        let (verdict, source) = if row.human_statut {
            (Verdict::from(statut), VerdictSource::Human)
        } else {
            (
                row.ai_verdict.parse().map_err(impossible)?,
                VerdictSource::Ai,
            )
        };
        let point = ControlPoint {
            point: row.point,
            statut,
            commentaire: row.commentaire,
            citations: Vec::new(),
            minutages: row.minutages,
            erreur_transcription_notee: row.erreur_transcription_notee,
            variation_phonetique_utilisee: row.variation_phonetique_utilisee,
            verdict: Some(verdict),
            verdict_source: Some(source),
        };
        let place = (row.step_position, row.control_point_index, point);
        points.entry(row.audit_id).or_default().push(place);
    }
    Ok(points)
}

async fn citations(conn: &mut PgConnection, audits: &[i64]) -> sqlx::Result<ByAudit<Citation>> {
    let rows = sqlx::query!(
        "SELECT audit_id, step_position, control_point_index, texte, minutage, minutage_secondes,
                speaker, recording_index, chunk_index, recording_date, recording_time,
                recording_url, call_id
           FROM audit_step_result_citations WHERE audit_id = ANY($1)
          ORDER BY audit_id, step_position, control_point_index, citation_index",
        audits
    )
    .fetch_all(conn)
    .await?;
    let mut citations: ByAudit<Citation> = HashMap::new();
    for row in rows {
        let citation = Citation {
            texte: row.texte,
            minutage: row.minutage,
            minutage_secondes: row.minutage_secondes,
            speaker: row.speaker,
            recording_index: row.recording_index,
            chunk_index: row.chunk_index,
            recording_date: row.recording_date,
            recording_time: row.recording_time,
            recording_url: row.recording_url,
            call_id: row.call_id,
        };
        let place = (row.step_position, row.control_point_index, citation);
        citations.entry(row.audit_id).or_default().push(place);
    }
    Ok(citations)
}
