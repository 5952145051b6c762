//! Folding and comparing French text.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Words that say nothing about what a sentence is about.
const STOP: &[&str] = &[
    "alors", "aucun", "aucune", "aussi", "avec", "bien", "cela", "celle", "cette", "comme", "dans",
    "des", "donc", "est", "etre", "faite", "les", "leur", "lui", "mais", "meme", "nous", "par",
    "pas", "plus", "pour", "que", "qui", "sans", "ses", "son", "sont", "sur", "tous", "tout",
    "une", "vos", "votre", "vous", "cas", "client", "agent", "annonce", "annonces", "annoncee",
];

/// Lower case, no accents, letters and digits separated by one blank, a blank at both ends.
pub(super) fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len() + 2);
    folded.push(' ');
    for letter in text.to_lowercase().nfd() {
        if is_combining_mark(letter) {
            continue;
        }
        if letter.is_alphanumeric() {
            folded.push(letter);
        } else if !folded.ends_with(' ') {
            folded.push(' ');
        }
    }
    if !folded.ends_with(' ') {
        folded.push(' ');
    }
    folded
}

/// The beginnings of the telling words of a text.
pub(super) fn stems(text: &str) -> Vec<String> {
    let mut stems: Vec<String> = Vec::new();
    for word in fold(text).split(' ') {
        if word.chars().count() < 3 || STOP.contains(&word) {
            continue;
        }
        let stem: String = word.chars().take(6).collect();
        if !stems.contains(&stem) {
            stems.push(stem);
        }
    }
    stems
}

/// How many of the stems begin a word of the folded text.
pub(super) fn hits(folded: &str, stems: &[String]) -> usize {
    stems
        .iter()
        .filter(|stem| starts_word(folded, stem))
        .count()
}

/// Whether a word of the folded text begins with this.
pub(super) fn starts_word(folded: &str, beginning: &str) -> bool {
    folded
        .match_indices(beginning)
        .any(|(place, _)| place > 0 && folded.as_bytes()[place - 1] == b' ')
}

/// The sentences of a line, each a verbatim part of it.
pub(super) fn sentences(line: &str) -> Vec<&str> {
    let mut sentences = Vec::new();
    let mut start = 0;
    for (place, mark) in line.match_indices(['.', '?', '!']) {
        let end = place + mark.len();
        if line[end..].starts_with(' ') {
            sentences.push(line[start..end].trim());
            start = end;
        }
    }
    sentences.push(line[start..].trim());
    sentences.retain(|sentence| !sentence.is_empty());
    sentences
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folding_forgets_accents_case_and_punctuation() {
        assert_eq!(fold("L'Été, déjà !"), " l ete deja ");
    }

    #[test]
    fn stems_leave_out_small_words() {
        assert_eq!(
            stems("Nom de l'agent et du cabinet annoncés"),
            ["nom", "cabine"]
        );
    }

    #[test]
    fn sentences_are_parts_of_the_line() {
        let line = "Bonjour madame. Vous allez bien ? Oui";
        assert_eq!(
            sentences(line),
            ["Bonjour madame.", "Vous allez bien ?", "Oui"]
        );
    }

    #[test]
    fn stems_match_at_word_starts_only() {
        assert!(starts_word(" la formule ", "formul"));
        assert!(!starts_word(" reformulons ", "formul"));
    }
}
