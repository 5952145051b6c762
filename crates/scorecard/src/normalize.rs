//! The one text normalisation behind every match (5.1).

use unicode_normalization::char::{decompose_canonical, is_combining_mark};

/// Lower case, without accents and punctuation, words separated by one blank (5.1).
///
/// `œ` stays `œ`; letters and digits of every script stay.
pub fn normalize(text: &str) -> String {
    let mut out = Folded {
        text: String::with_capacity(text.len()),
        gap: false,
    };
    // Sigma is the one letter whose lower case depends on its neighbours.
    if text.contains('Σ') {
        text.to_lowercase().chars().for_each(|c| out.fold(c));
    } else {
        text.chars().for_each(|c| out.fold(c));
    }
    out.text
}

/// Length of a normalised text as the contract counts it: in UTF-16 code units (5.2).
pub(crate) fn utf16_length(text: &str) -> usize {
    text.chars().map(char::len_utf16).sum()
}

struct Folded {
    text: String,
    gap: bool,
}

impl Folded {
    fn fold(&mut self, c: char) {
        if c.is_ascii() {
            self.emit(c.to_ascii_lowercase());
        } else {
            // Decomposing character by character is NFD but for the order of marks, and marks
            // are either deleted or all the same gap.
            for lower in c.to_lowercase() {
                decompose_canonical(lower, |part| self.emit(part));
            }
        }
    }

    fn emit(&mut self, c: char) {
        if ('\u{300}'..='\u{36f}').contains(&c) {
            return;
        }
        if is_letter_or_number(c) {
            if self.gap && !self.text.is_empty() {
                self.text.push(' ');
            }
            self.gap = false;
            self.text.push(c);
        } else {
            self.gap = true;
        }
    }
}

/// `\p{L}` or `\p{N}`. The standard library's "alphabetic" also counts vowel signs and circled
/// letters, which are marks and symbols.
fn is_letter_or_number(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_alphanumeric();
    }
    c.is_numeric() || (c.is_alphabetic() && !is_combining_mark(c) && !is_circled_letter(c))
}

fn is_circled_letter(c: char) -> bool {
    matches!(c, '\u{24b6}'..='\u{24e9}' | '\u{1f130}'..='\u{1f149}' | '\u{1f150}'..='\u{1f169}'
        | '\u{1f170}'..='\u{1f189}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use regex::Regex;
    use rstest::rstest;
    use unicode_normalization::UnicodeNormalization;

    use super::*;

    /// 5.1 word for word, slow.
    fn by_the_book(text: &str) -> String {
        let lower: String = text.to_lowercase().nfd().collect();
        let bare = Regex::new("[\u{300}-\u{36f}]")
            .unwrap()
            .replace_all(&lower, "")
            .into_owned();
        let spaced = Regex::new(r"[^\p{L}\p{N}]+")
            .unwrap()
            .replace_all(&bare, " ")
            .into_owned();
        spaced.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[rstest]
    #[case("", "")]
    #[case("!!! ??? ...", "")]
    #[case("  Cet appel est ENREGISTRÉ,\nvous… ", "cet appel est enregistre vous")]
    #[case("c’est d'accord", "c est d accord")]
    #[case("speaker_0: Œuvre à 2½ €", "speaker 0 œuvre a 2½")]
    #[case("ΟΔΟΣ Σ", "οδος σ")]
    #[case("İstanbul ÇA e\u{301}té", "istanbul ca ete")]
    #[case(
        "Ⓐ한국어",
        "\u{1112}\u{1161}\u{11ab}\u{1100}\u{116e}\u{11a8}\u{110b}\u{1165}"
    )]
    fn vectors(#[case] text: &str, #[case] expected: &str) {
        assert_eq!(normalize(text), expected);
        assert_eq!(by_the_book(text), expected);
    }

    #[test]
    fn letters_and_numbers_are_those_of_the_general_category() {
        let class = Regex::new(r"^[\p{L}\p{N}]$").unwrap();
        // The two sides may know different versions of Unicode.
        let unassigned = Regex::new(r"^\p{Cn}$").unwrap();
        let mut buffer = [0; 4];
        let differ: Vec<char> = ('\0'..='\u{2ffff}')
            .filter(|c| {
                let text = c.encode_utf8(&mut buffer);
                class.is_match(text) != is_letter_or_number(*c) && !unassigned.is_match(text)
            })
            .collect();
        assert_eq!(differ, Vec::<char>::new());
    }

    proptest! {
        #[test]
        fn equals_the_book(text in "[a-zA-ZÀ-ÿŒœΣσİ0-9 \u{300}-\u{36f}\u{1dc0}'’_.,\n\u{a0}한€]{0,60}") {
            prop_assert_eq!(normalize(&text), by_the_book(&text));
        }

        #[test]
        fn is_idempotent(text in any::<String>()) {
            let once = normalize(&text);
            prop_assert_eq!(normalize(&once), once);
        }
    }
}
