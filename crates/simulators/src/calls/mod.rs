//! Recorded sales calls of a fictional broker, as text with timings.
//!
//! A recording is a few bytes of audio that carry the name of its call, so the speech simulator
//! knows from an upload alone what was said.

mod audio;
mod script;

use std::sync::LazyLock;

use serde::Serialize;

pub use audio::{audio, audio_of, slug_of};

/// Scripts by name. The file names are the slugs.
const SCRIPTS: &[(&str, &str)] = &[
    (
        "vente-conforme",
        include_str!("../../calls/vente-conforme.txt"),
    ),
    (
        "sans-annonce-enregistrement",
        include_str!("../../calls/sans-annonce-enregistrement.txt"),
    ),
    (
        "iban-trop-tot",
        include_str!("../../calls/iban-trop-tot.txt"),
    ),
    (
        "pression-commerciale",
        include_str!("../../calls/pression-commerciale.txt"),
    ),
    (
        "mauvais-produit",
        include_str!("../../calls/mauvais-produit.txt"),
    ),
    ("messagerie", include_str!("../../calls/messagerie.txt")),
    (
        "premier-contact",
        include_str!("../../calls/premier-contact.txt"),
    ),
    (
        "rappel-client",
        include_str!("../../calls/rappel-client.txt"),
    ),
    (
        "signature-sms",
        include_str!("../../calls/signature-sms.txt"),
    ),
    (
        "appel-bienvenue",
        include_str!("../../calls/appel-bienvenue.txt"),
    ),
];

static CALLS: LazyLock<Vec<Call>> = LazyLock::new(|| {
    SCRIPTS
        .iter()
        .map(|(slug, script)| script::parse(slug, script))
        .collect()
});

/// What is heard in audio that carries no known call.
static GENERIC: LazyLock<Call> = LazyLock::new(|| {
    script::parse(
        "inconnu",
        "title: Enregistrement inconnu\nduration: 12\nA: Bonjour, vous m'entendez bien ?\n\
         C: Oui, bonjour, je vous entends.\nA: Très bien, je vous rappelle dans la journée.\n\
         C: D'accord, merci, au revoir.\n",
    )
});

/// One call, as a speech model would hear it.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// Name, also found in the audio.
    pub slug: &'static str,
    /// What the call is about.
    pub title: String,
    /// Words with the spacings between them, in order.
    pub words: Vec<Word>,
    /// All words as one text.
    pub text: String,
    /// Length.
    pub duration_seconds: f64,
}

/// One word, or the spacing between two.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Word {
    /// What was said.
    pub text: String,
    /// Seconds from the start.
    pub start: f64,
    /// Seconds from the start.
    pub end: f64,
    /// `word` or `spacing`.
    #[serde(rename = "type")]
    pub kind: WordKind,
    /// `speaker_0` is the agent, `speaker_1` the client.
    pub speaker_id: &'static str,
}

/// What an entry of the word list is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WordKind {
    /// A spoken word.
    Word,
    /// The blank between two words.
    Spacing,
    /// A sound that is not speech.
    AudioEvent,
}

/// Every call.
pub fn all() -> &'static [Call] {
    &CALLS
}

/// The call of this name.
pub fn find(slug: &str) -> Option<&'static Call> {
    CALLS.iter().find(|call| call.slug == slug)
}

/// A few polite words, for audio that carries no known call.
pub fn generic() -> &'static Call {
    &GENERIC
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_as_long_as_they_say_and_in_order() {
        for call in all() {
            let last = call.words.last().map_or(0.0, |word| word.end);
            assert!(
                (call.duration_seconds - last).abs() < 2.0,
                "{}: {last} of {}",
                call.slug,
                call.duration_seconds
            );
            for pair in call.words.windows(2) {
                assert!(pair[0].start <= pair[0].end, "{}", call.slug);
                assert!(pair[0].end <= pair[1].start, "{}", call.slug);
            }
        }
    }

    #[test]
    fn at_least_six_calls_last_five_to_forty_minutes() {
        let long = all()
            .iter()
            .filter(|call| (300.0..=2460.0).contains(&call.duration_seconds));
        assert!(long.count() >= 6);
    }

    #[test]
    fn both_speakers_are_heard() {
        for call in all().iter().filter(|call| call.slug != "messagerie") {
            for speaker in ["speaker_0", "speaker_1"] {
                assert!(
                    call.words.iter().any(|word| word.speaker_id == speaker),
                    "{} {speaker}",
                    call.slug
                );
            }
        }
    }
}
