use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Seen;

/// Names of the kinds of fault. Handlers may know more; these are the shared ones.
pub mod kind {
    /// Generic: waits `latency_ms`, then goes on.
    pub const LATENCY: &str = "latency";
    /// Generic: answers `status`, with `Retry-After` when `retry_after` is given.
    pub const STATUS: &str = "status";
    /// Generic: answers 404; with `count`, the request works afterwards.
    pub const NOT_FOUND_THEN_OK: &str = "not_found_then_ok";
    /// Generic: no answer until the client leaves, at most ten minutes.
    pub const HANG: &str = "hang";
    /// Generic: cuts the connection instead of handling the request.
    pub const RESET: &str = "reset";
    /// Generic: handles the request, then cuts the connection in the middle of the answer.
    pub const RESET_AFTER: &str = "reset_after";
    /// Generic, except where a handler owns it: the answer is not JSON.
    pub const MALFORMED_JSON: &str = "malformed_json";
    /// Generic: the answer is not JSON, also where `malformed_json` means something else.
    pub const MALFORMED_BODY: &str = "malformed_body";
    /// The answer is JSON of the wrong shape.
    pub const SCHEMA_VIOLATION: &str = "schema_violation";
    /// The model stops in the middle of its answer.
    pub const TRUNCATED: &str = "truncated";
    /// The model forgets the last brace.
    pub const MISSING_BRACE: &str = "missing_brace";
    /// The model quotes what nobody said.
    pub const HALLUCINATION: &str = "hallucination";
    /// The model obeys whoever speaks in the transcript: full marks, and no proof.
    pub const INJECTED: &str = "injected";
    /// The model rambles: a comment of a megabyte.
    pub const TOO_LONG: &str = "too_long";
    /// The model calls tools for as long as it may.
    pub const ENDLESS_TOOLS: &str = "endless_tools";
    /// The model calls a tool that does not exist, with arguments that are no JSON.
    pub const WRONG_TOOL: &str = "wrong_tool";
    /// The model declines.
    pub const REFUSAL: &str = "refusal";
    /// The CRM answers 200 with `success: false`.
    pub const SUCCESS_FALSE: &str = "success_false";
}

/// One fault to inject.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Prefix of the paths concerned, or `*`.
    #[serde(default = "every_path")]
    pub path: String,
    /// Text that must stand in the path, the query or the body.
    #[serde(rename = "match", default, skip_serializing_if = "Option::is_none")]
    pub needle: Option<String>,
    /// What goes wrong, see [`kind`].
    pub kind: String,
    /// Status answered by `status` (500 when absent).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Seconds in `Retry-After`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u64>,
    /// Milliseconds waited by `latency`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<u64>,
    /// How often it acts; 0 means until cleared.
    #[serde(default)]
    pub count: u32,
    /// How many matching requests pass unharmed first.
    #[serde(default)]
    pub skip: u32,
    /// Chance of acting on a matching request.
    #[serde(default = "certain")]
    pub probability: f64,
    /// Body of an injected status, instead of this upstream's usual one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Value>,
}

fn every_path() -> String {
    "*".to_owned()
}

fn certain() -> f64 {
    1.0
}

impl Rule {
    /// A rule of this kind on every request, until cleared.
    pub fn new(kind: &str) -> Self {
        Self {
            path: every_path(),
            needle: None,
            kind: kind.to_owned(),
            status: None,
            retry_after: None,
            latency_ms: None,
            count: 0,
            skip: 0,
            probability: certain(),
            body: None,
        }
    }

    fn concerns(&self, seen: &Seen) -> bool {
        if self.path != "*" && !seen.path.starts_with(&self.path) {
            return false;
        }
        self.needle.as_ref().is_none_or(|needle| {
            seen.path.contains(needle.as_str())
                || seen.query.contains(needle.as_str())
                || String::from_utf8_lossy(&seen.body).contains(needle.as_str())
        })
    }
}

/// A rule with its counters.
pub(super) struct Armed {
    rule: Rule,
    skipped: u32,
    applied: u32,
}

impl Armed {
    pub(super) fn new(rule: Rule) -> Self {
        Self {
            rule,
            skipped: 0,
            applied: 0,
        }
    }

    pub(super) fn rule(&self) -> &Rule {
        &self.rule
    }

    pub(super) fn state(&self) -> (Rule, u32) {
        (self.rule.clone(), self.applied)
    }

    pub(super) fn fire(&mut self, seen: &Seen) -> Option<Rule> {
        let exhausted = self.rule.count > 0 && self.applied >= self.rule.count;
        if exhausted || !self.rule.concerns(seen) {
            return None;
        }
        if self.skipped < self.rule.skip {
            self.skipped += 1;
            return None;
        }
        if !rand::random_bool(self.rule.probability.clamp(0.0, 1.0)) {
            return None;
        }
        self.applied = self.applied.saturating_add(1);
        Some(self.rule.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(path: &str, query: &str, body: &'static str) -> Seen {
        Seen {
            path: path.to_owned(),
            query: query.to_owned(),
            body: body.as_bytes().into(),
        }
    }

    #[test]
    fn acts_as_often_as_asked_after_the_skipped_ones() {
        let mut armed = Armed::new(Rule {
            count: 2,
            skip: 1,
            ..Rule::new(kind::STATUS)
        });
        let fired: Vec<bool> = (0..5)
            .map(|_| armed.fire(&seen("/a", "", "")).is_some())
            .collect();
        assert_eq!(fired, [false, true, true, false, false]);
    }

    #[test]
    fn looks_at_path_query_and_body() {
        let rule = Rule {
            path: "/api".to_owned(),
            needle: Some("4410".to_owned()),
            ..Rule::new(kind::HANG)
        };
        assert!(rule.concerns(&seen("/api/4410", "", "")));
        assert!(rule.concerns(&seen("/api", "id=4410", "")));
        assert!(rule.concerns(&seen("/api", "", "{\"id\":4410}")));
        assert!(!rule.concerns(&seen("/api", "", "")));
        assert!(!rule.concerns(&seen("/other", "id=4410", "")));
    }

    #[test]
    fn never_acts_without_a_chance() {
        let mut armed = Armed::new(Rule {
            probability: 0.0,
            ..Rule::new(kind::RESET)
        });
        assert!((0..50).all(|_| armed.fire(&seen("/", "", "")).is_none()));
    }
}
