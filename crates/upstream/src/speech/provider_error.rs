//! Reads the many shapes of a provider's error answer.

use std::time::Duration;

use secrecy::SecretString;
use serde_json::Value;

use super::error::{SpeechErrorClass, SpeechFailure};
use crate::sanitize::{self, sanitize};

/// What is known of an error answer besides its body.
pub(super) struct ErrorAnswer<'a> {
    pub(super) what: &'static str,
    pub(super) status: u16,
    pub(super) retry_after: Option<Duration>,
    pub(super) request_id: Option<String>,
    pub(super) secret: Option<&'a SecretString>,
    pub(super) key_setting: &'static str,
}

/// The sanitised, classified failure of a provider's error answer.
pub(super) fn read(answer: ErrorAnswer<'_>, body: &[u8]) -> SpeechFailure {
    let json: Option<Value> = serde_json::from_slice(body).ok();
    let (message, codes, id) = match &json {
        Some(json @ Value::Object(_)) => (message(json), codes(json), id(json)),
        Some(Value::String(text)) => (Some(text.clone()), Vec::new(), None),
        _ => (text(body), Vec::new(), None),
    };
    let secrets: Vec<&SecretString> = answer.secret.into_iter().collect();
    SpeechFailure {
        provider_message: message.and_then(|message| sanitize(&message, &secrets)),
        provider_code: codes.first().cloned(),
        request_id: id.or(answer.request_id),
        retry_after: answer.retry_after,
        class: class(answer.status, &codes),
        key_setting: Some(answer.key_setting),
        ..SpeechFailure::of_status(answer.what, answer.status)
    }
}

/// A text body; a page of HTML says nothing.
fn text(body: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(body);
    let text = text.trim();
    (!text.starts_with('<')).then(|| text.to_owned())
}

/// The first non-blank text where providers put theirs.
fn message(json: &Value) -> Option<String> {
    let direct = ["/detail", "/message", "/error", "/error_message", "/reason"];
    let nested = [
        "/detail/message",
        "/detail/status",
        "/detail/code",
        "/detail/type",
        "/detail/0/msg",
        "/error/message",
    ];
    direct
        .iter()
        .chain(&nested)
        .filter_map(|path| json.pointer(path)?.as_str())
        .find(|text| !text.trim().is_empty())
        .map(str::to_owned)
}

/// All error codes; which of them speaks depends on the provider's mood.
fn codes(json: &Value) -> Vec<String> {
    [
        "/detail/status",
        "/detail/code",
        "/detail/type",
        "/detail/0/type",
        "/error/code",
        "/error/type",
    ]
    .iter()
    .filter_map(|path| json.pointer(path)?.as_str())
    .filter_map(sanitize::code)
    .collect()
}

fn id(json: &Value) -> Option<String> {
    ["/detail/request_id", "/request_id"]
        .iter()
        .filter_map(|path| json.pointer(path)?.as_str())
        .find_map(sanitize::code)
}

fn class(status: u16, codes: &[String]) -> SpeechErrorClass {
    let says = |words: &[&str]| codes.iter().any(|code| words.contains(&code.as_str()));
    if status == 402 || says(&["quota_exceeded", "insufficient_quota", "payment_required"]) {
        return SpeechErrorClass::Quota;
    }
    if matches!(status, 401 | 403) || says(&["invalid_api_key"]) {
        return SpeechErrorClass::Key;
    }
    if crate::retry::is_transient_status(status) {
        return SpeechErrorClass::Retryable;
    }
    SpeechErrorClass::Permanent
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;
    use crate::speech::SpeechError;

    fn failure(status: u16, body: &str) -> SpeechFailure {
        let secret = SecretString::from("xi-secret-key".to_owned());
        let answer = ErrorAnswer {
            what: "ElevenLabs speech-to-text failed",
            status,
            retry_after: None,
            request_id: None,
            secret: Some(&secret),
            key_setting: "ELEVENLABS_API_KEY",
        };
        read(answer, body.as_bytes())
    }

    #[rstest]
    #[case(401, json!({"detail": {"status": "invalid_api_key", "message": "Invalid API key"}}), SpeechErrorClass::Key,
        " status=401 provider_message=Invalid API key (Unauthorized: check ELEVENLABS_API_KEY)")]
    #[case(401, json!({"detail": {"status": "quota_exceeded", "message": "spent"}}), SpeechErrorClass::Quota,
        " status=401 provider_message=spent (Unauthorized: check ELEVENLABS_API_KEY)")]
    #[case(422, json!({"detail": [{"loc": ["body", "file"], "msg": "bad file", "type": "value_error"}]}),
        SpeechErrorClass::Permanent, " status=422 provider_message=bad file")]
    #[case(400, json!({"detail": {"type": "validation_error", "code": "invalid_parameters", "message": "no"}}),
        SpeechErrorClass::Permanent, " status=400 provider_message=no")]
    #[case(429, json!({"detail": {"code": "rate_limit_exceeded"}}), SpeechErrorClass::Retryable,
        " status=429 provider_message=rate_limit_exceeded")]
    #[case(429, json!({"detail": {"status": "concurrent_limit_exceeded"}}), SpeechErrorClass::Retryable,
        " status=429 provider_message=concurrent_limit_exceeded")]
    #[case(429, json!({"error": {"code": "insufficient_quota", "message": "pay"}}), SpeechErrorClass::Quota,
        " status=429 provider_message=pay")]
    #[case(503, json!({"detail": "  ", "message": "busy"}), SpeechErrorClass::Retryable,
        " status=503 provider_message=busy")]
    #[case(500, json!([1]), SpeechErrorClass::Retryable, " status=500 provider_message=[1]")]
    #[case(404, json!({}), SpeechErrorClass::Permanent, " status=404")]
    fn error_bodies_are_read_and_classified(
        #[case] status: u16,
        #[case] body: Value,
        #[case] class: SpeechErrorClass,
        #[case] suffix: &str,
    ) {
        let failure = failure(status, &body.to_string());
        assert_eq!(failure.class, class);
        assert_eq!(
            SpeechError::Provider(failure).to_string(),
            format!("ElevenLabs speech-to-text failed{suffix}")
        );
    }

    #[test]
    fn keys_queries_pages_and_length_do_not_pass() {
        let echoed = failure(400, "key xi-secret-key at https://r.test/a.mp3?sig=1");
        assert_eq!(
            echoed.provider_message.as_deref(),
            Some("key *** at https://r.test/a.mp3")
        );
        assert_eq!(failure(502, "<html>x</html>").provider_message, None);
        let long = failure(500, &"x".repeat(2000)).provider_message.unwrap();
        assert_eq!(long.len(), 500);
    }

    #[test]
    fn the_request_id_is_kept() {
        let body = json!({"detail": {"message": "no", "request_id": "req_1"}}).to_string();
        assert_eq!(failure(400, &body).request_id.as_deref(), Some("req_1"));
    }
}
