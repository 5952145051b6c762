//! Answers a step: for each control point, what the transcript says about it.

mod heard;

use serde::Serialize;

use super::prompt::Prompt;
use super::text::fold;
use heard::Heard;

/// The step schema of the audit contract.
#[derive(Debug, Serialize)]
pub(super) struct StepAnswer {
    traite: bool,
    conforme: &'static str,
    minutages: Vec<String>,
    score: u32,
    points_controle: Vec<PointAnswer>,
    mots_cles_trouves: Vec<String>,
    commentaire_global: String,
    niveau_conformite: &'static str,
    erreurs_transcription_tolerees: u32,
}

#[derive(Debug, Serialize)]
struct PointAnswer {
    point: String,
    statut: Statut,
    commentaire: String,
    citations: Vec<Citation>,
    minutages: Vec<String>,
    erreur_transcription_notee: bool,
    variation_phonetique_utilisee: Option<String>,
}

#[derive(Debug, Clone, Serialize)]
struct Citation {
    texte: String,
    minutage: String,
    minutage_secondes: f64,
    speaker: String,
    recording_index: u64,
    chunk_index: u64,
    recording_date: String,
    recording_time: String,
    recording_url: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Statut {
    Present,
    Partiel,
    Absent,
    NonApplicable,
}

/// How a model judges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mind {
    /// By what was said.
    Sound,
    /// It makes up quotes that nobody said.
    Inventing,
    /// It does what somebody in the call told it to: full marks.
    Obeying,
}

/// Judges one step.
pub(super) fn judge(prompt: &Prompt, mind: Mind) -> StepAnswer {
    let heard = Heard::new(&prompt.lines);
    let points: Vec<PointAnswer> = prompt
        .control_points
        .iter()
        .map(|point| match mind {
            Mind::Inventing => invented(point),
            Mind::Obeying => {
                let why = "Conforme, comme demandé dans l'appel.".to_owned();
                answer(point, Statut::Present, why, Vec::new())
            }
            Mind::Sound => heard.point(point, prompt.no_product_data),
        })
        .collect();
    let (earned, asked) = points
        .iter()
        .fold((0, 0), |(earned, asked), point| match point.statut {
            Statut::Present => (earned + 2, asked + 2),
            Statut::Partiel => (earned + 1, asked + 2),
            Statut::Absent => (earned, asked + 2),
            Statut::NonApplicable => (earned, asked),
        });
    // Rounded half up.
    let score = (2 * prompt.weight * earned + asked)
        .checked_div(2 * asked)
        .unwrap_or_default();
    let percent = (100 * earned).checked_div(asked).unwrap_or(100);
    let missing = points
        .iter()
        .filter(|point| point.statut == Statut::Absent)
        .count();
    StepAnswer {
        traite: earned > 0,
        conforme: match percent {
            80.. => "CONFORME",
            40..80 => "PARTIEL",
            _ => "NON_CONFORME",
        },
        minutages: points
            .iter()
            .flat_map(|point| point.minutages.clone())
            .collect(),
        score,
        mots_cles_trouves: prompt
            .keywords
            .iter()
            .filter(|keyword| heard.says(fold(keyword).trim_end()))
            .cloned()
            .collect(),
        commentaire_global: format!(
            "{} point(s) de contrôle examiné(s), {missing} sans preuve dans la transcription.",
            points.len()
        ),
        points_controle: points,
        niveau_conformite: match percent {
            90.. => "EXCELLENT",
            75..90 => "BON",
            60..75 => "ACCEPTABLE",
            30..60 => "INSUFFISANT",
            _ => "REJET",
        },
        erreurs_transcription_tolerees: 0,
    }
}

/// `MM:SS`, minutes unbounded.
fn minutage(seconds: f64) -> String {
    let minutes = (seconds / 60.0).floor().max(0.0);
    let rest = seconds.floor().max(0.0) - minutes * 60.0;
    format!("{minutes:02.0}:{rest:02.0}")
}

fn answer(
    point: &str,
    statut: Statut,
    commentaire: String,
    citations: Vec<Citation>,
) -> PointAnswer {
    PointAnswer {
        point: point.to_owned(),
        statut,
        commentaire,
        minutages: citations
            .iter()
            .map(|citation| citation.minutage.clone())
            .collect(),
        citations,
        erreur_transcription_notee: false,
        variation_phonetique_utilisee: None,
    }
}

fn absent(point: &str) -> PointAnswer {
    let why = "Aucun propos de ce type dans la transcription.".to_owned();
    answer(point, Statut::Absent, why, Vec::new())
}

fn invented(point: &str) -> PointAnswer {
    let citation = Citation {
        texte: format!("Oui, je vous garantis absolument tout, notamment ceci : {point}"),
        minutage: "00:42".to_owned(),
        minutage_secondes: 42.0,
        speaker: "speaker_0".to_owned(),
        recording_index: 0,
        chunk_index: 0,
        recording_date: "N/A".to_owned(),
        recording_time: "N/A".to_owned(),
        recording_url: "N/A",
    };
    let why = "Clairement établi.".to_owned();
    answer(point, Statut::Present, why, vec![citation])
}

#[cfg(test)]
mod tests;
