//! What a provider heard.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// A transcript as the provider gives it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Transcript {
    /// The provider's id; some answers have none, see [`derive_transcription_id`].
    pub provider_id: Option<String>,
    /// The provider's name for the request, for support.
    pub request_id: Option<String>,
    /// The whole text.
    pub text: String,
    /// As the provider names it.
    pub language_code: Option<String>,
    /// How sure it is.
    pub language_probability: Option<f64>,
    /// Word by word; may be empty although there is text.
    pub words: Vec<SpeechWord>,
}

/// One token of a transcript.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SpeechWord {
    /// The token.
    pub text: String,
    /// Seconds from the start of the recording.
    pub start: f64,
    /// Seconds from the start of the recording.
    pub end: f64,
    /// `word`, `spacing`, `audio_event`.
    #[serde(rename = "type")]
    pub kind: String,
    /// `speaker_0`, ...
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub speaker_id: Option<String>,
    /// How sure the provider is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logprob: Option<f64>,
}

impl Transcript {
    /// Reads an ElevenLabs answer; `None` when it is no object.
    pub(super) fn of_elevenlabs(body: &Value, request_id: Option<String>) -> Option<Self> {
        let body = body.as_object()?;
        let text = |key| body.get(key).and_then(Value::as_str);
        Some(Self {
            provider_id: filled(text("transcription_id")),
            request_id,
            text: text("text").unwrap_or_default().to_owned(),
            language_code: filled(text("language_code")),
            language_probability: finite(body.get("language_probability")),
            words: words(body.get("words"), |word| {
                Some((word.get("text")?.as_str()?, word.get("type")?.as_str()?))
            }),
        })
    }

    /// Reads a `verbose_json` answer; `None` when it is no object. It has neither id nor speakers.
    pub(super) fn of_openai(body: &Value, request_id: Option<String>) -> Option<Self> {
        let body = body.as_object()?;
        let text = |key| body.get(key).and_then(Value::as_str);
        Some(Self {
            provider_id: None,
            request_id,
            text: text("text").unwrap_or_default().trim().to_owned(),
            language_code: filled(text("language")),
            language_probability: None,
            words: openai_words(body),
        })
    }
}

/// Words where the endpoint times them, inside segments or beside them; else whole segments, whose
/// times are real where those of single words would be made up.
fn openai_words(body: &serde_json::Map<String, Value>) -> Vec<SpeechWord> {
    let timed = |list| {
        words(list, |word| {
            Some((word.get("word")?.as_str()?.trim(), "word"))
        })
    };
    let beside = timed(body.get("words"));
    if !beside.is_empty() {
        return beside;
    }
    let segments = body.get("segments");
    let inside: Vec<SpeechWord> = segments
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .flat_map(|segment| timed(segment.get("words")))
        .collect();
    if !inside.is_empty() {
        return inside;
    }
    let mut whole = words(segments, |segment| {
        Some((segment.get("text")?.as_str()?.trim(), "word"))
    });
    whole.retain(|segment| !segment.text.is_empty());
    whole
}

fn words<'a>(
    list: Option<&'a Value>,
    read: impl Fn(&'a Value) -> Option<(&'a str, &'a str)>,
) -> Vec<SpeechWord> {
    let rows = list.and_then(Value::as_array);
    rows.map(Vec::as_slice)
        .unwrap_or_default()
        .iter()
        .filter_map(|row| {
            let (text, kind) = read(row)?;
            Some(SpeechWord {
                text: text.to_owned(),
                start: finite(row.get("start"))?,
                end: finite(row.get("end"))?,
                kind: kind.to_owned(),
                speaker_id: row
                    .get("speaker_id")
                    .and_then(Value::as_str)
                    .map(str::to_owned),
                logprob: finite(row.get("logprob")),
            })
        })
        .collect()
}

fn filled(text: Option<&str>) -> Option<String> {
    let text = text?.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

fn finite(value: Option<&Value>) -> Option<f64> {
    value?.as_f64().filter(|number| number.is_finite())
}

/// A stable id for a transcript whose provider gave none: paid work is not thrown away for want of a name.
pub fn derive_transcription_id(fiche_id: &str, call_id: &str, request: &str) -> String {
    let mut hash = Sha256::new();
    for part in [fiche_id, call_id, request] {
        // The length keeps ("1", "23") and ("12", "3") apart.
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    format!("stt_{}", &hex::encode(hash.finalize())[..24])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_answer_is_read_by_the_rules() {
        let body = json!({"transcription_id": " ", "language_code": "fra", "language_probability": 0.987, "text": 5,
            "words": [
                {"text": "Allô,", "start": 1.20, "end": 1.55, "type": "word", "speaker_id": "speaker_1", "logprob": -0.02},
                {"text": " ", "start": 1, "end": 2, "type": "spacing"},
                {"text": "x", "start": "1", "end": 2, "type": "word"},
                {"text": "x", "start": 1, "end": null, "type": "word"},
                {"text": null, "start": 1, "end": 2, "type": "word"},
                {"text": "x", "start": 1, "end": 2}, 7]});
        let it = Transcript::of_elevenlabs(&body, None).unwrap();
        assert_eq!(
            (
                it.provider_id,
                it.text.as_str(),
                it.language_code.as_deref()
            ),
            (None, "", Some("fra"))
        );
        assert_eq!(it.words.len(), 2);
        assert_eq!(it.words[0].speaker_id.as_deref(), Some("speaker_1"));
        assert_eq!(it.words[1].kind, "spacing");
        assert!(Transcript::of_elevenlabs(&json!([]), None).is_none());
        let empty = Transcript::of_elevenlabs(&json!({"words": "no"}), None).unwrap();
        assert_eq!(empty, Transcript::default());
    }

    #[test]
    fn a_verbose_answer_has_words_without_speakers() {
        let body = json!({"text": " Bonjour madame ", "language": "french",
            "words": [{"word": " Bonjour", "start": 0.0, "end": 0.5}, {"word": "madame", "start": 0.5}]});
        let it = Transcript::of_openai(&body, Some("r".into())).unwrap();
        assert_eq!((it.text.as_str(), it.words.len()), ("Bonjour madame", 1));
        assert_eq!(
            (it.words[0].text.as_str(), it.words[0].kind.as_str()),
            ("Bonjour", "word")
        );
        assert_eq!(it.words[0].speaker_id, None);
    }

    #[test]
    fn segments_stand_in_for_missing_words() {
        let read = |body: Value| {
            let words = Transcript::of_openai(&body, None).unwrap().words;
            let texts = words.into_iter().map(|it| (it.text, it.start, it.end));
            texts.collect::<Vec<_>>()
        };
        let word = |text: &str| json!({"word": text, "start": 0.5, "end": 0.75});
        let segments = json!([
            {"text": " Bonjour madame. ", "start": 0.5, "end": 1.5, "words": []},
            {"text": " ", "start": 1.5, "end": 1.75},
            {"text": "Allô ?", "start": 2, "end": 2.5}]);
        assert_eq!(
            read(json!({"text": "t", "segments": segments})),
            [
                ("Bonjour madame.".to_owned(), 0.5, 1.5),
                ("Allô ?".to_owned(), 2.0, 2.5)
            ]
        );
        let inside = json!([{"text": "x", "start": 0, "end": 1, "words": [word(" Allô")]}]);
        let expected = [("Allô".to_owned(), 0.5, 0.75)];
        assert_eq!(read(json!({"words": [], "segments": inside})), expected);
        assert_eq!(
            read(json!({"words": [word("Allô")], "segments": segments})),
            expected
        );
        assert!(read(json!({"text": "t"})).is_empty());
    }

    #[test]
    fn derived_ids_are_stable_and_distinct() {
        let id = derive_transcription_id("1", "23", "r");
        assert_eq!(id, derive_transcription_id("1", "23", "r"));
        assert_ne!(id, derive_transcription_id("12", "3", "r"));
        assert_eq!(id.len(), 28);
    }
}
