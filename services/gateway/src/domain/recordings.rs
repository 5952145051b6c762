//! Recordings and their transcripts, which two services own.

use serde::Serialize;
use serde_json::{Value, json};
use std::collections::HashMap;
use utoipa::ToSchema;
use vigie_contracts::fiche::v1::Recording;
use vigie_contracts::transcription::v1::TranscriptSummary;

/// A full recording row (`fiches.md` 3.13).
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RecordingRow {
    #[serde(flatten)]
    recording: Recording,
    transcription_id: Option<String>,
    transcription_text: Option<String>,
    /// Always null: words are read with the transcript of one recording.
    #[schema(value_type = Option<Object>)]
    transcription_data: Option<Value>,
    transcription_language_code: Option<String>,
    transcription_language_probability: Option<f64>,
    has_transcription: bool,
    transcribed_at: Option<String>,
}

/// Puts recordings and transcripts together, in the order of the recordings.
pub fn rows(recordings: Vec<Recording>, transcripts: Vec<TranscriptSummary>) -> Vec<RecordingRow> {
    let mut transcripts = by_call(transcripts);
    let row = |recording: Recording| {
        let transcript = transcripts.remove(&recording.call_id);
        let has_transcription = transcript.is_some();
        let transcript = transcript.unwrap_or_default();
        RecordingRow {
            recording,
            transcription_id: transcript.transcription_id,
            transcription_text: transcript.transcription_text,
            transcription_data: None,
            transcription_language_code: transcript.transcription_language_code,
            transcription_language_probability: transcript.transcription_language_probability,
            has_transcription,
            transcribed_at: has_transcription.then_some(transcript.transcribed_at),
        }
    };
    recordings.into_iter().map(row).collect()
}

/// Writes the transcripts into the recordings of a fiche's payload (`fiches.md` 4.4).
pub fn into_payload(payload: &mut Value, transcripts: Vec<TranscriptSummary>) {
    let transcripts = by_call(transcripts);
    let Some(recordings) = payload.get_mut("recordings").and_then(Value::as_array_mut) else {
        return;
    };
    for recording in recordings.iter_mut().filter_map(Value::as_object_mut) {
        let call_id = recording.get("call_id").and_then(Value::as_str);
        let transcript = call_id.and_then(|call_id| transcripts.get(call_id));
        let transcription = transcript.map_or(Value::Null, |transcript| {
            json!({ "conversation": transcript.transcription_text.clone().unwrap_or_default() })
        });
        recording.insert("transcription".to_owned(), transcription);
    }
}

fn by_call(transcripts: Vec<TranscriptSummary>) -> HashMap<String, TranscriptSummary> {
    transcripts
        .into_iter()
        .map(|transcript| (transcript.call_id.clone(), transcript))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{into_payload, rows};
    use serde_json::json;
    use vigie_contracts::fiche::v1::Recording;
    use vigie_contracts::transcription::v1::TranscriptSummary;

    fn transcripts() -> Vec<TranscriptSummary> {
        vec![TranscriptSummary {
            fiche_id: "1".to_owned(),
            call_id: "b".to_owned(),
            transcription_id: Some("stt".to_owned()),
            transcription_text: Some("Bonjour".to_owned()),
            transcribed_at: "2026-01-14T12:00:00.000Z".to_owned(),
            ..TranscriptSummary::default()
        }]
    }

    #[test]
    fn rows_keep_their_order_and_say_what_is_missing() {
        let recording = |call_id: &str| Recording {
            call_id: call_id.to_owned(),
            ..Recording::default()
        };
        let rows = rows(vec![recording("a"), recording("b")], transcripts());
        let rows = serde_json::to_value(rows).unwrap();
        assert_eq!(rows[0]["callId"], "a");
        assert_eq!(rows[0]["hasTranscription"], false);
        assert_eq!(rows[0]["transcribedAt"], json!(null));
        assert_eq!(rows[1]["transcriptionText"], "Bonjour");
        assert_eq!(rows[1]["ficheCacheId"], "");
    }

    #[test]
    fn a_payload_shows_the_conversation_or_null() {
        let mut payload = json!({"recordings": [{"call_id": "a"}, {"call_id": "b"}]});
        into_payload(&mut payload, transcripts());
        assert_eq!(
            payload,
            json!({"recordings": [
                {"call_id": "a", "transcription": null},
                {"call_id": "b", "transcription": {"conversation": "Bonjour"}},
            ]})
        );
        let mut marker = json!({"success": false});
        into_payload(&mut marker, transcripts());
        assert_eq!(marker, json!({"success": false}));
    }
}
