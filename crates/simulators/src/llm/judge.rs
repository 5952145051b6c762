//! Answers a step: for each control point, what the transcript says about it.

use serde::Serialize;

use super::lexicon::{Concept, concept};
use super::prompt::{Line, Prompt};
use super::text::{fold, hits, sentences, starts_word, stems};

/// Shortest quote worth giving, in folded characters.
const MIN_QUOTE: usize = 16;
/// Longest quote before it is cut down to a sentence.
const MAX_QUOTE: usize = 220;

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

/// The transcript, folded once.
struct Heard<'a> {
    lines: Vec<(&'a Line, String)>,
}

impl<'a> Heard<'a> {
    fn new(lines: &'a [Line]) -> Self {
        Self {
            lines: lines.iter().map(|line| (line, fold(&line.text))).collect(),
        }
    }

    fn says(&self, phrase: &str) -> bool {
        self.lines.iter().any(|(_, folded)| folded.contains(phrase))
    }

    fn point(&self, point: &str, no_product_data: bool) -> PointAnswer {
        let folded = fold(point);
        let Some(concept) = concept(&folded) else {
            return self.by_overlap(point);
        };
        if let Some(line) = self.best(concept.against, concept.speaker) {
            return answer(
                point,
                Statut::Absent,
                format!("Contredit par l'agent : « {} »", line.text),
                Vec::new(),
            );
        }
        let Some(quote) = self.quote(concept.said, concept.speaker) else {
            return self.unsaid(point, concept, &folded);
        };
        let mut citations = vec![quote];
        if !concept.also.is_empty() && !holds(&fold(&citations[0].texte), concept.also) {
            let Some(second) = self.quote(concept.also, concept.speaker) else {
                let why = "Seule une partie du point est prouvée.".to_owned();
                return answer(point, Statut::Partiel, why, citations);
            };
            citations.push(second);
        }
        if no_product_data && folded.contains(" montant") {
            let why = "Montants cités, sans documentation produit pour les vérifier.".to_owned();
            return answer(point, Statut::Partiel, why, citations);
        }
        let why = "Prouvé par les propos cités.".to_owned();
        answer(point, Statut::Present, why, citations)
    }

    fn unsaid(&self, point: &str, concept: &Concept, folded: &str) -> PointAnswer {
        if starts_word(folded, "arret") && !self.lines.is_empty() {
            let why = "Aucune aide d'État n'est mentionnée par le client.".to_owned();
            return answer(point, Statut::NonApplicable, why, Vec::new());
        }
        if !concept.against.is_empty() && !self.lines.is_empty() {
            let why = "Rien de contraire n'est entendu, sans propos à citer.".to_owned();
            return answer(point, Statut::NonApplicable, why, Vec::new());
        }
        absent(point)
    }

    /// A control point of which nothing is known: the line that shares most of its words.
    fn by_overlap(&self, point: &str) -> PointAnswer {
        let wanted = stems(point);
        let best = self
            .lines
            .iter()
            .map(|(line, folded)| (hits(folded, &wanted), *line, folded))
            .filter(|(count, _, folded)| *count > 0 && folded.len() > MIN_QUOTE)
            .reduce(|best, next| if next.0 > best.0 { next } else { best });
        match best {
            Some((count, line, _)) if 2 * count >= wanted.len() => answer(
                point,
                Statut::Present,
                "Prouvé par les propos cités.".to_owned(),
                vec![cite(line, |sentence| hits(sentence, &wanted))],
            ),
            Some((count, line, _)) if 3 * count >= wanted.len() => answer(
                point,
                Statut::Partiel,
                "Évoqué sans être développé.".to_owned(),
                vec![cite(line, |sentence| hits(sentence, &wanted))],
            ),
            _ => absent(point),
        }
    }

    fn best(&self, phrases: &[&str], speaker: &str) -> Option<&'a Line> {
        self.lines
            .iter()
            // Without diarization nobody is known to speak.
            .filter(|(line, _)| line.speaker == speaker || line.speaker == "unknown")
            .map(|(line, folded)| (count(folded, phrases), *line, folded.len()))
            .filter(|(count, _, length)| *count > 0 && *length > MIN_QUOTE)
            .reduce(|best, next| if next.0 > best.0 { next } else { best })
            .map(|(_, line, _)| line)
    }

    fn quote(&self, phrases: &[&str], speaker: &str) -> Option<Citation> {
        let line = self.best(phrases, speaker)?;
        Some(cite(line, |sentence| count(sentence, phrases)))
    }
}

fn count(folded: &str, phrases: &[&str]) -> usize {
    phrases
        .iter()
        .filter(|phrase| starts_word(folded, phrase))
        .count()
}

fn holds(folded: &str, phrases: &[&str]) -> bool {
    count(folded, phrases) > 0
}

/// A verbatim quote: the line, or when it is long the telling sentence.
fn cite(line: &Line, telling: impl Fn(&str) -> usize) -> Citation {
    let mut quote = line.text.as_str();
    if quote.chars().count() > MAX_QUOTE {
        let best = sentences(quote)
            .into_iter()
            .map(|sentence| (fold(sentence), sentence))
            .filter(|(folded, _)| folded.len() > MIN_QUOTE)
            .map(|(folded, sentence)| (telling(&folded), sentence))
            .reduce(|best, next| if next.0 > best.0 { next } else { best });
        if let Some((_, sentence)) = best {
            quote = sentence;
        }
    }
    Citation {
        texte: quote.to_owned(),
        minutage: minutage(line.start),
        minutage_secondes: line.start,
        speaker: line.speaker.clone(),
        recording_index: line.recording_index,
        chunk_index: line.chunk_index,
        recording_date: line.date.clone(),
        recording_time: line.time.clone(),
        recording_url: "N/A",
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
mod tests {
    use super::*;

    fn line(speaker: &str, text: &str) -> Line {
        Line {
            recording_index: 0,
            chunk_index: 1,
            start: 75.9,
            date: "14/01/2026".to_owned(),
            time: "09:15".to_owned(),
            speaker: speaker.to_owned(),
            text: text.to_owned(),
        }
    }

    fn ask(points: &[&str], lines: Vec<Line>) -> StepAnswer {
        let prompt = Prompt {
            lines,
            control_points: points.iter().map(|point| (*point).to_owned()).collect(),
            weight: 10,
            ..Prompt::default()
        };
        judge(&prompt, Mind::Sound)
    }

    #[test]
    fn what_is_said_is_quoted_and_what_is_not_is_absent() {
        let said = "Notre numéro ORIAS est le 07 000 000.";
        let step = ask(
            &["Immatriculation ORIAS citée", "Budget mensuel demandé"],
            vec![line("speaker_0", said)],
        );
        assert_eq!(step.points_controle[0].statut, Statut::Present);
        assert_eq!(step.points_controle[0].citations[0].texte, said);
        assert_eq!(step.points_controle[0].citations[0].minutage, "01:15");
        assert_eq!(step.points_controle[1].statut, Statut::Absent);
        assert_eq!((step.score, step.conforme), (5, "PARTIEL"));
    }

    #[test]
    fn half_a_point_is_partial() {
        let said = "Je vous précise que cet appel est enregistré.";
        let step = ask(
            &["Enregistrement annoncé avec droit d'opposition"],
            vec![line("speaker_0", said)],
        );
        assert_eq!(step.points_controle[0].statut, Statut::Partiel);
    }

    #[test]
    fn pressure_fails_its_point_without_a_citation() {
        let said = "Cette remise, c'est uniquement aujourd'hui, monsieur.";
        let step = ask(
            &["Aucune pression commerciale"],
            vec![line("speaker_0", said)],
        );
        assert_eq!(step.points_controle[0].statut, Statut::Absent);
        assert!(step.points_controle[0].citations.is_empty());
    }

    #[test]
    fn an_unknown_point_is_found_by_its_words() {
        let said = "La carte de stationnement arrivera par courrier.";
        let step = ask(
            &["Carte de stationnement promise"],
            vec![line("speaker_1", said)],
        );
        assert_eq!(step.points_controle[0].statut, Statut::Present);
    }

    #[test]
    fn nothing_heard_proves_nothing() {
        let step = ask(&["Aucune pression commerciale"], Vec::new());
        assert_eq!(step.points_controle[0].statut, Statut::Absent);
        assert!(!step.traite);
    }
}
