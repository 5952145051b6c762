//! One call recording as the gateway lists it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::lenient;

/// A recording before enrichment ([`crate::recording::enrich`]). Texts are as upstream wrote them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct UpstreamRecording {
    /// The call; never blank.
    #[serde(deserialize_with = "lenient::text", alias = "callId")]
    pub call_id: String,
    /// When the call began, in one of several formats.
    #[serde(deserialize_with = "lenient::opt_text", alias = "startTime")]
    pub start_time: Option<String>,
    /// Its length.
    #[serde(deserialize_with = "lenient::opt_int", alias = "durationSeconds")]
    pub duration_seconds: Option<i64>,
    /// `in` or `out`, kept as given.
    #[serde(deserialize_with = "lenient::opt_text")]
    pub direction: Option<String>,
    /// The caller, international digits.
    #[serde(deserialize_with = "lenient::opt_text", alias = "fromNumber")]
    pub from_number: Option<String>,
    /// The called, international digits.
    #[serde(deserialize_with = "lenient::opt_text", alias = "toNumber")]
    pub to_number: Option<String>,
    /// Whether somebody answered.
    #[serde(deserialize_with = "lenient::opt_flag")]
    pub answered: Option<bool>,
    /// Where the audio lies; may be missing for a while.
    #[serde(deserialize_with = "lenient::opt_text", alias = "recordingUrl")]
    pub recording_url: Option<String>,
    /// An id of the audio, where the file name does not tell it.
    #[serde(deserialize_with = "lenient::opt_text")]
    pub uuid: Option<String>,
}

impl UpstreamRecording {
    /// Reads a row. One without call id cannot be keyed and is refused.
    pub(super) fn read(row: Map<String, Value>) -> Result<Self, &'static str> {
        let mut recording: Self = lenient::decode(row)?;
        recording.call_id = recording.call_id.trim().to_owned();
        if recording.call_id.is_empty() {
            return Err("call_id is missing");
        }
        Ok(recording)
    }
}
