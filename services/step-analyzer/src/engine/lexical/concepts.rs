//! What a control point asks for, as words that may be heard for it.

use std::collections::{HashMap, HashSet};
use vigie_scorecard::{Passage, terms};

/// Words that describe the check, not what is said in the call.
const CHECK_WORDS: &str = "annoncé citée posée faite expliqué indiquée vérifiée identifié demandé \
    validée obtenu signalés compris passés nommée conformes mention présence absence question \
    agent client conseiller cas clair clairement explicite utile finale commerciale rappelé précisé";

/// One idea of a control point: any of these terms says it.
#[derive(Debug, Clone)]
pub struct Concept {
    terms: HashSet<String>,
}

impl Concept {
    /// Whether the passage holds one of its words.
    pub fn is_in(&self, passage: &Passage) -> bool {
        self.terms.iter().any(|term| passage.holds(term))
    }

    /// Its words.
    pub fn terms(&self) -> impl Iterator<Item = &String> {
        self.terms.iter()
    }
}

/// Words that stand for each other in these calls.
#[derive(Debug)]
pub struct Lexicon {
    related: HashMap<String, HashSet<String>>,
    ignored: HashSet<String>,
}

impl Lexicon {
    /// The lexicon of insurance sales calls in French.
    pub fn french() -> Self {
        Self::parse(include_str!("lexicon.txt"))
    }

    /// A line a group: `word, word = what may be heard for them`. A word may stand in several
    /// groups; `#` starts a comment.
    fn parse(text: &str) -> Self {
        let mut related: HashMap<String, HashSet<String>> = HashMap::new();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let Some((heads, heard)) = line.split_once('=') else {
                continue;
            };
            let heard = terms(heard);
            for head in terms(heads) {
                related
                    .entry(head)
                    .or_default()
                    .extend(heard.iter().cloned());
            }
        }
        Self {
            related,
            ignored: terms(CHECK_WORDS).into_iter().collect(),
        }
    }

    /// The ideas of a control point, in its order. A point made of nothing but check words keeps
    /// them.
    pub fn concepts(&self, point: &str) -> Vec<Concept> {
        let words = terms(point);
        let telling: Vec<_> = words
            .iter()
            .filter(|word| !self.ignored.contains(*word))
            .collect();
        let words = if telling.is_empty() {
            words.iter().collect()
        } else {
            telling
        };
        let concepts = words.into_iter().map(|word| {
            let mut terms = self.related.get(word).cloned().unwrap_or_default();
            terms.insert(word.clone());
            Concept { terms }
        });
        concepts.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vigie_scorecard::{Chunk, MinQuoteChars, passages};

    fn said(text: &str) -> Passage {
        let chunk = Chunk {
            chunk_index: 0,
            start_timestamp: 0.0,
            end_timestamp: 1.0,
            message_count: 1,
            speakers: vec!["speaker_0".to_owned()],
            full_text: format!("speaker_0: {text}"),
        };
        passages(&chunk, MinQuoteChars::DEFAULT).remove(0)
    }

    #[test]
    fn a_concept_is_said_by_related_words() {
        let lexicon = Lexicon::parse("# comment\nbudget = mensualité, euros\n");
        let concepts = lexicon.concepts("Budget mensuel demandé");
        assert_eq!(concepts.len(), 2, "the check word is left out");
        assert!(concepts[0].is_in(&said("quelle mensualité ?")));
        assert!(concepts[0].is_in(&said("votre budget")));
        assert!(!concepts[0].is_in(&said("votre mutuelle")));
    }

    #[test]
    fn check_words_alone_are_kept() {
        assert_eq!(Lexicon::french().concepts("Mention explicite").len(), 2);
    }
}
