//! From a provider's answer to what is stored (A6, A7).

use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use std::io::{Read, Write};
use vigie_events::ids::{CallId, FicheId};
use vigie_scorecard::{Chunk, Diarization, Word, WordKind, chunks_of_words, synthetic_words};
use vigie_upstream::speech::{SpeechWord, Transcript, derive_transcription_id};

/// Largest words read back; far above any call.
const MOST_WORD_BYTES: u64 = 256 * 1024 * 1024;

/// Words that cannot be kept or read.
#[derive(Debug, thiserror::Error)]
pub enum WordsError {
    /// They do not serialise, or are not what was stored.
    #[error("words are not readable")]
    Json(#[from] serde_json::Error),
    /// They do not deflate or inflate.
    #[error("words are damaged")]
    Damaged(#[from] std::io::Error),
}

/// A transcript, ready to be stored.
#[derive(Debug, Clone, PartialEq)]
pub struct NewTranscript {
    /// The provider's id, or one made up that stays the same.
    pub transcription_id: String,
    /// `None` when nothing was said.
    pub text: Option<String>,
    /// As the provider names it.
    pub language_code: Option<String>,
    /// How sure it is.
    pub language_probability: Option<f64>,
    /// Where speakers and times come from.
    pub diarization: Diarization,
    /// What audits cite.
    pub chunks: Vec<Chunk>,
    /// Words, deflated; `None` without words.
    pub words: Option<Vec<u8>>,
    /// The provider's name for the request.
    pub request_id: Option<String>,
}

impl NewTranscript {
    /// Derives chunks and packs words. `request` names the request where the provider does not.
    pub fn of(
        fiche: &FicheId,
        call: &CallId,
        request: &str,
        transcript: Transcript,
        duration_seconds: Option<i32>,
    ) -> Result<Self, WordsError> {
        let text = without_nul(transcript.text);
        let blank = text.trim().is_empty();
        let words: Vec<Word> = transcript.words.iter().map(word).collect();
        let heard = chunks_of_words(&words);
        let (chunks, diarization) = if !heard.is_empty() {
            let told_apart = words.iter().any(|word| word.speaker_id.is_some());
            let diarization = if told_apart {
                Diarization::Provider
            } else {
                Diarization::None
            };
            (heard, diarization)
        } else if blank {
            (Vec::new(), Diarization::None)
        } else {
            let words = synthetic_words(&text, duration_seconds.map(f64::from));
            (chunks_of_words(&words), Diarization::Synthetic)
        };
        let request = transcript.request_id.as_deref().unwrap_or(request);
        let transcription_id = match transcript.provider_id {
            Some(id) => without_nul(id),
            None => derive_transcription_id(fiche.as_str(), call.as_str(), request),
        };
        Ok(Self {
            transcription_id,
            // The text of words that have none is empty, not missing speech: kept as NULL (A6).
            text: (!blank).then_some(text),
            language_code: transcript.language_code.map(without_nul),
            language_probability: transcript.language_probability,
            diarization,
            chunks,
            words: pack(&transcript.words)?,
            request_id: transcript.request_id.map(without_nul),
        })
    }

    /// Whether nothing was said.
    pub const fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    /// Database text of `state`.
    pub const fn state(&self) -> &'static str {
        if self.is_empty() {
            "transcribed_empty"
        } else {
            "transcribed"
        }
    }

    /// Database text of `diarization`.
    pub const fn diarization(&self) -> &'static str {
        match self.diarization {
            Diarization::Provider => "provider",
            Diarization::Synthetic => "synthetic",
            Diarization::None => "none",
        }
    }
}

/// Postgres has no NUL.
fn without_nul(text: String) -> String {
    if text.contains('\0') {
        text.replace('\0', "")
    } else {
        text
    }
}

fn word(word: &SpeechWord) -> Word {
    Word {
        text: without_nul(word.text.clone()),
        start: word.start,
        end: word.end,
        kind: match word.kind.as_str() {
            "word" => WordKind::Word,
            "spacing" => WordKind::Spacing,
            "audio_event" => WordKind::AudioEvent,
            _ => WordKind::Other,
        },
        speaker_id: word.speaker_id.clone().map(without_nul),
    }
}

fn pack(words: &[SpeechWord]) -> Result<Option<Vec<u8>>, WordsError> {
    if words.is_empty() {
        return Ok(None);
    }
    let mut packed = ZlibEncoder::new(Vec::new(), Compression::default());
    packed.write_all(&serde_json::to_vec(words)?)?;
    Ok(Some(packed.finish()?))
}

/// Reads stored words.
pub fn unpack(packed: &[u8]) -> Result<Vec<SpeechWord>, WordsError> {
    let mut json = Vec::new();
    ZlibDecoder::new(packed)
        .take(MOST_WORD_BYTES)
        .read_to_end(&mut json)?;
    Ok(serde_json::from_slice(&json)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(words: Vec<SpeechWord>, text: &str) -> NewTranscript {
        let transcript = Transcript {
            text: text.to_owned(),
            words,
            ..Transcript::default()
        };
        let (fiche, call) = ("44".parse().unwrap(), "c".parse().unwrap());
        NewTranscript::of(&fiche, &call, "run-c-1", transcript, Some(26)).unwrap()
    }

    fn said(text: &str, kind: &str, speaker: Option<&str>) -> SpeechWord {
        SpeechWord {
            text: text.to_owned(),
            start: 1.0,
            end: 2.0,
            kind: kind.to_owned(),
            speaker_id: speaker.map(ToOwned::to_owned),
            logprob: None,
        }
    }

    #[test]
    fn words_become_chunks_and_stay_readable() {
        let words = vec![said("Allô", "word", Some("speaker_0"))];
        let it = heard(words.clone(), "Allô");
        assert_eq!(it.chunks.len(), 1);
        assert_eq!(it.chunks[0].full_text, "speaker_0: Allô");
        assert_eq!((it.state(), it.diarization()), ("transcribed", "provider"));
        assert_eq!(unpack(&it.words.unwrap()).unwrap(), words);
    }

    #[test]
    fn words_without_speakers_are_not_told_apart() {
        let it = heard(vec![said("Allô", "word", None)], "Allô");
        assert_eq!(it.diarization(), "none");
        assert_eq!(it.chunks[0].full_text, "unknown: Allô");
    }

    #[test]
    fn text_without_words_is_marked_as_invented() {
        let text = ["mot"; 13].join(" ");
        let it = heard(vec![said(" ", "spacing", None)], &text);
        assert_eq!((it.chunks.len(), it.diarization()), (1, "synthetic"));
        assert_eq!(it.chunks[0].message_count, 2);
        assert_eq!(it.chunks[0].end_timestamp.to_string(), "26");
    }

    #[test]
    fn silence_is_a_transcript() {
        let it = heard(Vec::new(), " \n");
        assert_eq!(it.state(), "transcribed_empty");
        assert_eq!((it.text, it.words), (None, None));
        assert!(it.transcription_id.starts_with("stt_"));
    }

    #[test]
    fn what_postgres_cannot_hold_is_dropped() {
        let it = heard(vec![said("a\0b", "word", None)], "a\0b");
        assert_eq!(it.chunks[0].full_text, "unknown: ab");
        assert_eq!(it.text.as_deref(), Some("ab"));
    }
}
