//! Words that speech recognition is known to get wrong (audits.md 4.3).

use super::prompt::PROMPT_VERSION;
use std::fmt;

/// Those of insurance sales calls in French.
const USUAL: &str = "ORIAS = Oréa, Auréa; OPTAM = OPAM; CSS, CMU = CME; \
    dépassements d'honoraires = d'un horaire";

/// A list that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be `word, word = heard, heard; …`")]
pub struct NoList;

/// Words said, and what is heard for them.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Mishearing {
    said: Vec<String>,
    heard: Vec<String>,
}

/// What a model is told to tolerate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mishearings {
    list: Vec<Mishearing>,
    version: String,
}

impl Default for Mishearings {
    fn default() -> Self {
        Self {
            list: parse(USUAL).unwrap_or_default(),
            version: PROMPT_VERSION.to_owned(),
        }
    }
}

impl Mishearings {
    /// Reads `ORIAS = Oréa, Auréa; CSS, CMU = CME`.
    pub fn parse(text: &str) -> Result<Self, NoList> {
        let own = Self {
            list: parse(text).ok_or(NoList)?,
            version: String::new(),
        };
        let usual = Self::default();
        if own.list == usual.list {
            return Ok(usual);
        }
        let version = format!("{PROMPT_VERSION}+{:08x}", fingerprint(&own.to_string()));
        Ok(Self { version, ..own })
    }

    /// The version of the prompt that names them: another list is another prompt.
    pub fn prompt_version(&self) -> &str {
        &self.version
    }
}

fn parse(text: &str) -> Option<Vec<Mishearing>> {
    let words = |list: &str| -> Option<Vec<String>> {
        let words: Vec<_> = list.split(',').map(|word| word.trim().to_owned()).collect();
        words.iter().all(|word| !word.is_empty()).then_some(words)
    };
    let entries = text.split(';').filter(|entry| !entry.trim().is_empty());
    let entries: Option<Vec<_>> = entries
        .map(|entry| {
            let (said, heard) = entry.split_once('=')?;
            Some(Mishearing {
                said: words(said)?,
                heard: words(heard)?,
            })
        })
        .collect();
    entries.filter(|list| !list.is_empty())
}

/// FNV-1a: the same on every machine, in every version.
fn fingerprint(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    })
}

impl fmt::Display for Mishearings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quoted = |word: &String| format!("« {word} »");
        let plain = |word: &String| {
            if word.contains(' ') {
                quoted(word)
            } else {
                word.clone()
            }
        };
        for (place, Mishearing { said, heard }) in self.list.iter().enumerate() {
            if place > 0 {
                f.write_str(" ; ")?;
            }
            let ending = if said.len() > 1 { "s" } else { "" };
            let said: Vec<_> = said.iter().map(plain).collect();
            let heard: Vec<_> = heard.iter().map(quoted).collect();
            let (said, heard) = (said.join(" ou "), heard.join(" ou "));
            write!(f, "{said} entendu{ending} {heard}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_ones_are_told_as_the_contract_has_them() {
        assert_eq!(
            Mishearings::default().to_string(),
            "ORIAS entendu « Oréa » ou « Auréa » ; OPTAM entendu « OPAM » ; \
             CSS ou CMU entendus « CME » ; \
             « dépassements d'honoraires » entendu « d'un horaire »"
        );
    }

    #[test]
    fn another_list_is_another_prompt() {
        let usual = Mishearings::parse(&format!(" {USUAL} ;")).unwrap();
        assert_eq!(usual.prompt_version(), PROMPT_VERSION);
        let own = Mishearings::parse("Alizé = à Lisé").unwrap();
        assert_eq!(own.to_string(), "Alizé entendu « à Lisé »");
        assert!(own.prompt_version().starts_with(PROMPT_VERSION));
        let other = Mishearings::parse("Alizé = alysée").unwrap();
        assert_ne!(own.prompt_version(), other.prompt_version());
    }

    #[test]
    fn what_is_no_list_is_refused() {
        for text in ["", ";", "ORIAS", "ORIAS =", "= Oréa", "ORIAS = Oréa,"] {
            assert_eq!(Mishearings::parse(text), Err(NoList), "{text}");
        }
    }
}
