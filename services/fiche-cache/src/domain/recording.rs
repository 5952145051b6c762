//! Recordings as they are stored and shown.

use super::details::text;
use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use vigie_upstream::crm::UpstreamRecording;
use vigie_upstream::recording::{display_number, enrich};

/// A call to be stored. What is `None` leaves the stored value alone, as does a blank address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Call {
    /// The call.
    pub call_id: String,
    /// Where the audio lies, or `""`.
    pub recording_url: String,
    /// `DD/MM/YYYY`, UTC.
    pub recording_date: Option<String>,
    /// `HH:MM`, UTC.
    pub recording_time: Option<String>,
    /// Digits.
    pub from_number: Option<String>,
    /// Digits.
    pub to_number: Option<String>,
    /// Id of the audio.
    pub uuid: Option<String>,
    /// As upstream gives it.
    pub direction: Option<String>,
    /// Whether somebody answered.
    pub answered: Option<bool>,
    /// When it began.
    pub start_time: Option<DateTime<Utc>>,
    /// What upstream wrote there.
    pub start_time_text: Option<String>,
    /// File name and start time disagree.
    pub clock_mismatch: bool,
    /// Its length.
    pub duration_seconds: Option<i32>,
}

impl Call {
    fn of(recording: &UpstreamRecording) -> Self {
        let enriched = enrich(recording);
        let parsed = enriched.parsed.unwrap_or_default();
        Self {
            call_id: enriched.call_id,
            recording_url: enriched.recording_url,
            recording_date: filled(parsed.date),
            recording_time: filled(parsed.time),
            from_number: filled(parsed.from_number_raw),
            to_number: filled(parsed.to_number_raw),
            uuid: filled(parsed.uuid),
            direction: recording.direction.clone().and_then(filled),
            answered: recording.answered,
            start_time: enriched.started_at,
            start_time_text: recording.start_time.clone().and_then(filled),
            clock_mismatch: enriched.clock_mismatch,
            duration_seconds: recording
                .duration_seconds
                .and_then(|seconds| i32::try_from(seconds).ok()),
        }
    }

    /// The calls of a payload, each once; of doubles, one that has an address.
    pub fn all(recordings: &[UpstreamRecording]) -> Vec<Self> {
        let mut calls: BTreeMap<String, Self> = BTreeMap::new();
        for call in recordings.iter().map(Self::of) {
            let known = calls.get(&call.call_id);
            if known.is_none_or(|known| known.recording_url.is_empty()) {
                calls.insert(call.call_id.clone(), call);
            }
        }
        calls.into_values().collect()
    }

    /// As the fiche's payload shows it.
    pub fn view(&self) -> Value {
        view(View {
            call_id: &self.call_id,
            recording_url: &self.recording_url,
            direction: self.direction.as_deref(),
            answered: self.answered,
            start_time: self.start_time,
            duration_seconds: self.duration_seconds,
            from_number: self.from_number.as_deref(),
            to_number: self.to_number.as_deref(),
        })
    }
}

/// A stored recording.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct StoredRecording {
    /// The row.
    pub id: i64,
    /// The fiche's row.
    pub fiche_cache_id: i64,
    /// The call.
    pub call_id: String,
    /// Where the audio lies, or `""`.
    pub recording_url: String,
    /// `DD/MM/YYYY`.
    pub recording_date: Option<String>,
    /// `HH:MM`.
    pub recording_time: Option<String>,
    /// Digits.
    pub from_number: Option<String>,
    /// Digits.
    pub to_number: Option<String>,
    /// Id of the audio.
    pub uuid: Option<String>,
    /// As upstream gives it.
    pub direction: Option<String>,
    /// Whether somebody answered.
    pub answered: Option<bool>,
    /// When it began.
    pub start_time: Option<DateTime<Utc>>,
    /// Its length.
    pub duration_seconds: Option<i32>,
    /// First seen.
    pub created_at: DateTime<Utc>,
    /// Last written.
    pub updated_at: DateTime<Utc>,
}

impl StoredRecording {
    /// As the fiche's payload shows it.
    pub fn view(&self) -> Value {
        view(View {
            call_id: &self.call_id,
            recording_url: &self.recording_url,
            direction: self.direction.as_deref(),
            answered: self.answered,
            start_time: self.start_time,
            duration_seconds: self.duration_seconds,
            from_number: self.from_number.as_deref(),
            to_number: self.to_number.as_deref(),
        })
    }
}

#[derive(Clone, Copy)]
struct View<'a> {
    call_id: &'a str,
    recording_url: &'a str,
    direction: Option<&'a str>,
    answered: Option<bool>,
    start_time: Option<DateTime<Utc>>,
    duration_seconds: Option<i32>,
    from_number: Option<&'a str>,
    to_number: Option<&'a str>,
}

/// `transcription` is the gateway's to fill in.
fn view(of: View<'_>) -> Value {
    json!({
        "call_id": of.call_id,
        "recording_url": of.recording_url,
        "direction": of.direction,
        "answered": of.answered,
        "start_time": of.start_time.map(iso),
        "duration_seconds": of.duration_seconds,
        "from_number": of.from_number,
        "to_number": of.to_number,
        "transcription": null,
    })
}

/// Newest first, those without a start before all others.
pub fn newest_first(views: &mut [Value]) {
    let key = |view: &Value| {
        let start = text(view, "start_time");
        (start.is_none(), start, text(view, "call_id"))
    };
    views.sort_by_cached_key(|view| std::cmp::Reverse(key(view)));
}

/// ISO-8601 UTC with milliseconds.
pub fn iso(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// A number for people to read.
pub fn display(number: Option<String>) -> Option<String> {
    number.map(|digits| display_number(&digits))
}

fn filled(text: String) -> Option<String> {
    let blank = text.trim().is_empty();
    (!blank).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upstream(call: &str, url: &str, start: &str) -> UpstreamRecording {
        UpstreamRecording {
            call_id: call.into(),
            recording_url: Some(url.into()),
            start_time: Some(start.into()),
            duration_seconds: Some(i64::MAX),
            from_number: Some("33639980011".into()),
            direction: Some(" ".into()),
            ..UpstreamRecording::default()
        }
    }

    #[test]
    fn blanks_and_impossible_numbers_say_nothing() {
        let call = Call::of(&upstream("7", " ", "soon"));
        assert_eq!(call.recording_url, "");
        assert_eq!((call.direction, call.duration_seconds), (None, None));
        assert_eq!((call.start_time, call.recording_date), (None, None));
        assert_eq!(call.start_time_text.as_deref(), Some("soon"));
        assert_eq!(call.from_number.as_deref(), Some("33639980011"));
    }

    #[test]
    fn a_double_with_an_address_wins() {
        let calls = Call::all(&[
            upstream("7", "", ""),
            upstream("7", "https://a.test/1.mp3", ""),
            upstream("7", "https://a.test/2.mp3", ""),
        ]);
        assert_eq!(calls.len(), 1);
        assert_eq!(calls[0].recording_url, "https://a.test/1.mp3");
    }

    #[test]
    fn newest_come_first_and_unknown_starts_before_them() {
        let starts = ["2026-01-14T08:00:00Z", "", "2026-01-15T08:00:00Z"];
        let mut views: Vec<_> = starts
            .iter()
            .map(|start| Call::of(&upstream(start, "", start)).view())
            .collect();
        newest_first(&mut views);
        let order: Vec<_> = views
            .iter()
            .map(|it| it["call_id"].as_str().unwrap())
            .collect();
        assert_eq!(order, ["", "2026-01-15T08:00:00Z", "2026-01-14T08:00:00Z"]);
        assert_eq!(views[1]["start_time"], "2026-01-15T08:00:00.000Z");
    }
}
