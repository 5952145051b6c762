//! Why a model gave no answer. No text here holds a key, a prompt or an answer.

use std::time::Duration;

use crate::NetworkCause;
use crate::retry::{Classify, Verdict, is_transient_status};

/// Why a completion failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LlmError {
    /// The endpoint refuses this request and always will (400, 404, 422, ...).
    #[error("language model refused the request status={status}{}", suffix(code.as_deref()))]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The provider's error code, such as `context_length_exceeded`.
        code: Option<String>,
    },
    /// The key is missing, wrong or without rights: every call would fail.
    #[error("language model refused the key status={status}{}", suffix(code.as_deref()))]
    Auth {
        /// The HTTP status.
        status: u16,
        /// The provider's error code.
        code: Option<String>,
    },
    /// The account is spent: every call would fail until somebody pays.
    #[error("language model quota exhausted status={status}")]
    Quota {
        /// The HTTP status.
        status: u16,
    },
    /// The endpoint is overloaded or down. With `retry_after` it asks to be left alone that long.
    #[error("language model unavailable{}{}", status_suffix(*status), suffix(code.as_deref()))]
    Unavailable {
        /// The HTTP status; `None` below HTTP.
        status: Option<u16>,
        /// The provider's error code or the network's.
        code: Option<String>,
        /// Come back after this, counted from now.
        retry_after: Option<Duration>,
    },
    /// No answer within the attempt limit, in every attempt the budget held.
    #[error("language model gave no answer in time")]
    Timeout,
    /// What came broke off or is no JSON at all, in every attempt.
    #[error("language model answer is garbled")]
    Garbled,
    /// An answer came, but not one of a chat completion.
    #[error("language model answer is malformed: {0}")]
    Malformed(&'static str),
    /// The request cannot be written down.
    #[error("language model request is invalid: {0}")]
    Invalid(&'static str),
}

fn suffix(code: Option<&str>) -> String {
    code.map(|code| format!(" code={code}")).unwrap_or_default()
}

fn status_suffix(status: Option<u16>) -> String {
    status
        .map(|status| format!(" status={status}"))
        .unwrap_or_default()
}

impl LlmError {
    /// From an error answer.
    pub(super) fn of_status(
        status: u16,
        code: Option<String>,
        retry_after: Option<Duration>,
    ) -> Self {
        // Sent with 429 by OpenAI; retrying cannot help, unlike a rate limit.
        if status == 402 || code.as_deref() == Some("insufficient_quota") {
            return Self::Quota { status };
        }
        match status {
            401 | 403 => Self::Auth { status, code },
            _ if is_transient_status(status) => Self::Unavailable {
                status: Some(status),
                code,
                retry_after,
            },
            _ => Self::Refused { status, code },
        }
    }

    /// From a call without an answer.
    pub(super) fn of_network(cause: NetworkCause) -> Self {
        match cause {
            NetworkCause::Timeout => Self::Timeout,
            NetworkCause::Request => Self::Invalid("not a valid HTTP request"),
            NetworkCause::TooLarge => Self::Malformed("larger than 16 MiB"),
            _ => Self::Unavailable {
                status: None,
                code: Some(cause.code().to_owned()),
                retry_after: None,
            },
        }
    }

    /// Whether the same request may succeed later.
    pub fn is_transient(&self) -> bool {
        matches!(self.verdict(), Verdict::Transient(_))
    }

    /// How long the provider asked to be left alone.
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Unavailable { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// The HTTP status, if there was an answer.
    pub const fn status(&self) -> Option<u16> {
        match self {
            Self::Refused { status, .. } | Self::Auth { status, .. } | Self::Quota { status } => {
                Some(*status)
            }
            Self::Unavailable { status, .. } => *status,
            Self::Timeout | Self::Garbled | Self::Malformed(_) | Self::Invalid(_) => None,
        }
    }
}

impl Classify for LlmError {
    fn verdict(&self) -> Verdict {
        match self {
            Self::Unavailable { retry_after, .. } => Verdict::Transient(*retry_after),
            // A gateway's half-written answer is as transient as a broken line.
            Self::Timeout | Self::Garbled => Verdict::Transient(None),
            Self::Refused { .. }
            | Self::Auth { .. }
            | Self::Quota { .. }
            | Self::Malformed(_)
            | Self::Invalid(_) => Verdict::Permanent,
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(400, None, false)]
    #[case(401, None, false)]
    #[case(403, None, false)]
    #[case(404, None, false)]
    #[case(422, None, false)]
    #[case(408, None, true)]
    #[case(429, None, true)]
    #[case(429, Some("insufficient_quota"), false)]
    #[case(500, None, true)]
    #[case(529, None, true)]
    fn statuses_are_classified(
        #[case] status: u16,
        #[case] code: Option<&str>,
        #[case] transient: bool,
    ) {
        let error = LlmError::of_status(status, code.map(str::to_owned), None);
        assert_eq!(error.is_transient(), transient);
        assert_eq!(error.status(), Some(status));
    }

    #[test]
    fn texts_say_status_and_code() {
        let error = LlmError::of_status(400, Some("context_length_exceeded".to_owned()), None);
        assert_eq!(
            error.to_string(),
            "language model refused the request status=400 code=context_length_exceeded"
        );
        let error = LlmError::of_network(NetworkCause::Refused);
        assert_eq!(
            error.to_string(),
            "language model unavailable code=ECONNREFUSED"
        );
    }
}
