//! The transcript as the model hears it: what proves a point, and what speaks against it.

use super::super::lexicon::{Concept, concept};
use super::super::prompt::Line;
use super::super::text::{fold, hits, sentences, starts_word, stems};
use super::{Citation, PointAnswer, Statut, absent, answer, minutage};

/// Shortest quote worth giving, in folded characters.
const MIN_QUOTE: usize = 16;
/// Longest quote before it is cut down to a sentence.
const MAX_QUOTE: usize = 220;

/// The transcript, folded once.
pub(super) struct Heard<'a> {
    lines: Vec<(&'a Line, String)>,
}

impl<'a> Heard<'a> {
    pub(super) fn new(lines: &'a [Line]) -> Self {
        Self {
            lines: lines.iter().map(|line| (line, fold(&line.text))).collect(),
        }
    }

    pub(super) fn says(&self, phrase: &str) -> bool {
        self.lines.iter().any(|(_, folded)| folded.contains(phrase))
    }

    pub(super) fn point(&self, point: &str, no_product_data: bool) -> PointAnswer {
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
