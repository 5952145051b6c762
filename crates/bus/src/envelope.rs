//! `CloudEvents` in NATS binary mode: metadata in headers, the bare JSON object as payload.

use async_nats::HeaderMap;
use chrono::{DateTime, SecondsFormat, Utc};
use vigie_events::realtime::Realtime;

pub(crate) const ID: &str = "ce-id";
pub(crate) const TYPE: &str = "ce-type";
pub(crate) const SOURCE: &str = "ce-source";
pub(crate) const TIME: &str = "ce-time";
pub(crate) const SUBJECT: &str = "ce-subject";
pub(crate) const SPEC_VERSION: &str = "ce-specversion";
pub(crate) const CONTENT_TYPE: &str = "content-type";
pub(crate) const TRACEPARENT: &str = "traceparent";
/// All channels that show a realtime message, separated by commas.
pub(crate) const CHANNELS: &str = "vigie-channels";
/// When a dead letter was replayed, epoch ms: lets it pass the inbox row of its parking.
pub(crate) const REPLAY: &str = "vigie-replay";
/// The headers of a dead letter.
pub(crate) const DEAD_REASON: &str = "vigie-dead-reason";
pub(crate) const DEAD_ATTEMPTS: &str = "vigie-dead-attempts";
pub(crate) const DEAD_CONSUMER: &str = "vigie-dead-consumer";
pub(crate) const DEAD_SUBJECT: &str = "vigie-dead-subject";

/// What the headers say.
#[derive(Debug, Clone)]
pub(crate) struct Envelope<'a> {
    pub id: &'a str,
    pub event: &'a str,
    pub source: &'a str,
    pub time: DateTime<Utc>,
    pub about: Option<&'a str>,
    pub traceparent: Option<&'a str>,
    pub channels: Option<&'a str>,
}

impl Envelope<'_> {
    pub(crate) fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(ID, line(self.id).as_ref());
        headers.insert(TYPE, self.event);
        headers.insert(SOURCE, self.source);
        headers.insert(TIME, self.time.to_rfc3339_opts(SecondsFormat::Millis, true));
        headers.insert(SPEC_VERSION, "1.0");
        headers.insert(CONTENT_TYPE, "application/json");
        for (name, value) in [
            (SUBJECT, self.about),
            (TRACEPARENT, self.traceparent),
            (CHANNELS, self.channels),
        ] {
            if let Some(value) = value {
                headers.insert(name, line(value).as_ref());
            }
        }
        headers
    }
}

/// A header value is one line; ids and names that people typed may hold anything.
pub(crate) fn line(value: &str) -> std::borrow::Cow<'_, str> {
    if value.contains(['\r', '\n']) {
        value.replace(['\r', '\n'], " ").into()
    } else {
        value.into()
    }
}

/// A header as text.
pub(crate) fn header<'a>(headers: Option<&'a HeaderMap>, name: &str) -> Option<&'a str> {
    headers?.get(name).map(async_nats::HeaderValue::as_str)
}

/// The value of [`CHANNELS`].
pub(crate) fn channel_list(message: &Realtime) -> String {
    message
        .channels
        .iter()
        .map(vigie_events::realtime::Channel::as_str)
        .collect::<Vec<_>>()
        .join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_those_of_cloudevents() {
        let envelope = Envelope {
            id: "audit-9\nx",
            event: "audit/completed",
            source: "audit-orchestrator",
            time: DateTime::from_timestamp_millis(1_700_000_000_123).unwrap(),
            about: Some("9"),
            traceparent: None,
            channels: None,
        };
        let headers = envelope.headers();
        let of = |name| header(Some(&headers), name);
        assert_eq!(of(ID), Some("audit-9 x"));
        assert_eq!(of(TYPE), Some("audit/completed"));
        assert_eq!(of(TIME), Some("2023-11-14T22:13:20.123Z"));
        assert_eq!(of(SUBJECT), Some("9"));
        assert_eq!(of(SPEC_VERSION), Some("1.0"));
        assert_eq!(of(TRACEPARENT), None);
    }
}
