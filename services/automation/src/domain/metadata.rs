//! What may stand in the log of a run (B3.8): no secrets, no addresses' queries, bounded.

use regex::Regex;
use serde_json::{Map, Value};
use std::sync::LazyLock;

const MAX_DEPTH: usize = 6;
const MAX_CHARS: usize = 2000;
const MAX_ITEMS: usize = 50;
const MAX_KEYS: usize = 200;
const REDACTED: &str = "[REDACTED]";

const SECRET_KEYS: [&str; 7] = [
    "authorization",
    "cookie",
    "token",
    "secret",
    "password",
    "apikey",
    "signingkey",
];

#[expect(clippy::expect_used, reason = "fixed patterns, compiled by the tests")]
fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a valid pattern")
}

static BEARER: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?i)\bbearer\s+[\w.~+/=-]+"));
static XI_KEY: LazyLock<Regex> = LazyLock::new(|| pattern(r#"(?i)xi-api-key["':=\s]+[\w-]+"#));
static URL: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r#"(?i)\b([a-z][a-z0-9+.-]*://)(?:[^\s/?#"'<>@]*@)?([^\s?#"'<>]*)(?:[?#][^\s"'<>]*)?"#)
});

/// A copy that may be stored and shown.
pub fn sanitised(value: &Value) -> Value {
    clean(value, 1)
}

/// A text that may be stored and shown.
pub fn sanitised_text(text: &str) -> String {
    let text = BEARER.replace_all(text, "Bearer [REDACTED]");
    let text = XI_KEY.replace_all(&text, "xi-api-key: [REDACTED]");
    let text = URL.replace_all(&text, "$1$2");
    text.chars().take(MAX_CHARS).collect()
}

fn clean(value: &Value, depth: usize) -> Value {
    match value {
        Value::String(text) => Value::String(sanitised_text(text)),
        Value::Array(_) | Value::Object(_) if depth > MAX_DEPTH => {
            Value::String("[TRUNCATED]".to_owned())
        }
        Value::Array(items) => items
            .iter()
            .take(MAX_ITEMS)
            .map(|item| clean(item, depth + 1))
            .collect(),
        Value::Object(object) => {
            let kept = object.iter().take(MAX_KEYS).map(|(key, value)| {
                let secret = is_secret(key);
                let value = if secret {
                    REDACTED.into()
                } else {
                    clean(value, depth + 1)
                };
                (key.clone(), value)
            });
            Value::Object(kept.collect::<Map<_, _>>())
        }
        plain => plain.clone(),
    }
}

fn is_secret(key: &str) -> bool {
    let letters = key.chars().filter(char::is_ascii_alphanumeric);
    let plain: String = letters.map(|c| c.to_ascii_lowercase()).collect();
    SECRET_KEYS.iter().any(|secret| plain.contains(secret))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn secrets_and_queries_do_not_stay() {
        let dirty = json!({"api_key": "k", "X-Auth-Token": {"a": 1}, "signing key": 1,
            "note": "Bearer ab.c-d xi-api-key: 12ab https://u:p@crm.example.org/a?sig=1#x end",
            "candidates": 61});
        let clean = json!({"api_key": "[REDACTED]", "X-Auth-Token": "[REDACTED]",
            "signing key": "[REDACTED]",
            "note": "Bearer [REDACTED] xi-api-key: [REDACTED] https://crm.example.org/a end",
            "candidates": 61});
        assert_eq!(sanitised(&dirty), clean);
    }

    #[test]
    fn everything_is_bounded() {
        let long = json!({"text": "é".repeat(3000), "items": vec![0; 80]});
        let clean = sanitised(&long);
        assert_eq!(
            clean["text"].as_str().map(|text| text.chars().count()),
            Some(2000)
        );
        assert_eq!(clean["items"].as_array().map(Vec::len), Some(50));
        let mut deep = json!("end");
        for _ in 0..9 {
            deep = json!([deep]);
        }
        assert!(sanitised(&deep).to_string().contains("[TRUNCATED]"));
    }
}
