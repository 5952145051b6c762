//! One call recording as the gateway lists it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::lenient;

/// A recording before enrichment ([`crate::recording::enrich`]). Texts are as upstream wrote them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct UpstreamRecording {
    /// The call; never blank.
    #[serde(deserialize_with = "lenient::text")]
    pub call_id: String,
    /// When the call began, in one of several formats.
    #[serde(deserialize_with = "lenient::opt_text")]
    pub start_time: Option<String>,
    /// Its length.
    #[serde(deserialize_with = "lenient::opt_int")]
    pub duration_seconds: Option<i64>,
    /// `in` or `out`, kept as given.
    #[serde(deserialize_with = "lenient::opt_text")]
    pub direction: Option<String>,
    /// The caller, international digits.
    #[serde(deserialize_with = "lenient::opt_text")]
    pub from_number: Option<String>,
    /// The called, international digits.
    #[serde(deserialize_with = "lenient::opt_text")]
    pub to_number: Option<String>,
    /// Whether somebody answered.
    #[serde(deserialize_with = "lenient::opt_flag")]
    pub answered: Option<bool>,
    /// Where the audio lies; may be missing for a while.
    #[serde(deserialize_with = "lenient::opt_text")]
    pub recording_url: Option<String>,
    /// An id of the audio, where the file name does not tell it.
    #[serde(deserialize_with = "lenient::opt_text")]
    pub uuid: Option<String>,
}

impl UpstreamRecording {
    /// Reads a row, in snake case or camel case. One without call id cannot be keyed and is refused.
    pub(super) fn read(mut row: Map<String, Value>) -> Result<Self, &'static str> {
        for (key, other) in SPELLINGS {
            let blank = row.get(key).is_none_or(Value::is_null);
            if let Some(value) = row.remove(other).filter(|_| blank) {
                row.insert(key.to_owned(), value);
            }
        }
        let call_id = lenient::id(row.get("call_id")).ok_or("call_id is missing")?;
        let recording: Self = lenient::decode(row)?;
        Ok(Self {
            call_id,
            ..recording
        })
    }
}

const SPELLINGS: [(&str, &str); 6] = [
    ("call_id", "callId"),
    ("start_time", "startTime"),
    ("duration_seconds", "durationSeconds"),
    ("from_number", "fromNumber"),
    ("to_number", "toNumber"),
    ("recording_url", "recordingUrl"),
];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn both_spellings_are_read_even_at_once() {
        let row = json!({"callId": 7, "recording_url": null, "recordingUrl": "u", "from_number": "1", "fromNumber": "2"});
        let recording = UpstreamRecording::read(row.as_object().unwrap().clone()).unwrap();
        assert_eq!(recording.call_id, "7");
        assert_eq!(recording.recording_url.as_deref(), Some("u"));
        assert_eq!(recording.from_number.as_deref(), Some("1"));
    }
}
