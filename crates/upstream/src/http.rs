//! What every client does the same way: build, send, read within bounds, name what went wrong.

use std::error::Error as _;
use std::io::ErrorKind;
use std::time::{Duration, SystemTime};

use reqwest::header::{HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{ClientBuilder, Response};

use crate::retry::parse_retry_after;

/// A client could not be built from its configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SetupError {
    /// The base URL is missing, unreadable, or neither http nor https.
    #[error("{what} is not an http(s) URL")]
    BaseUrl {
        /// Which setting.
        what: &'static str,
    },
    /// The token cannot stand in a header.
    #[error("{what} cannot be sent in a header")]
    Token {
        /// Which setting.
        what: &'static str,
    },
    /// TLS could not be set up.
    #[error("HTTP client: {0}")]
    Client(String),
}

/// A builder with the defaults of all outgoing calls: ring, no redirects, no proxy variables, connect limit.
pub(crate) fn builder(connect_timeout: Duration) -> ClientBuilder {
    // Fails when somebody was first; theirs serves as well.
    rustls::crypto::ring::default_provider()
        .install_default()
        .ok();
    reqwest::Client::builder()
        .user_agent(concat!("vigie/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .connect_timeout(connect_timeout)
        .pool_idle_timeout(Duration::from_secs(30))
}

/// Builds the client, keeping nothing of the error but its text.
pub(crate) fn build(builder: ClientBuilder) -> Result<reqwest::Client, SetupError> {
    builder
        .build()
        .map_err(|error| SetupError::Client(error.without_url().to_string()))
}

/// Reads a base URL, without its trailing slashes, query and fragment.
pub(crate) fn base_url(text: &str, what: &'static str) -> Result<url::Url, SetupError> {
    let error = SetupError::BaseUrl { what };
    let trimmed = text.trim().trim_end_matches('/');
    let mut url = url::Url::parse(trimmed).map_err(|_| error.clone())?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(error);
    }
    url.set_query(None);
    url.set_fragment(None);
    Ok(url)
}

/// `base` with further path segments.
pub(crate) fn join(base: &url::Url, segments: &[&str]) -> url::Url {
    let mut url = base.clone();
    // Only a URL without host has no segments, and `base_url` refuses those.
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().extend(segments);
    }
    url
}

/// `Bearer <token>`, marked sensitive. A token that already says `bearer` is sent as it is.
pub(crate) fn bearer(token: &str, what: &'static str) -> Result<HeaderValue, SetupError> {
    let token = token.trim();
    let says_so = token
        .get(..7)
        .is_some_and(|start| start.eq_ignore_ascii_case("bearer "));
    let text = if says_so {
        token.to_owned()
    } else {
        format!("Bearer {token}")
    };
    sensitive(&text, what)
}

/// A header value that never shows in debug output.
pub(crate) fn sensitive(text: &str, what: &'static str) -> Result<HeaderValue, SetupError> {
    let mut value = HeaderValue::from_str(text).map_err(|_| SetupError::Token { what })?;
    value.set_sensitive(true);
    Ok(value)
}

/// The provider's name for a request.
pub(crate) fn request_id(headers: &HeaderMap) -> Option<String> {
    ["x-request-id", "request-id"]
        .into_iter()
        .filter_map(|name| headers.get(name)?.to_str().ok())
        .find_map(crate::sanitize::code)
}

/// The server's wish to be left alone for a while.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?;
    parse_retry_after(value, SystemTime::now())
}

/// Why no usable answer came over the network. Its text names the cause, never an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NetworkCause {
    /// No answer in time.
    Timeout,
    /// Nobody listens.
    Refused,
    /// The peer hung up.
    Reset,
    /// The name does not resolve.
    Dns,
    /// No route.
    Unreachable,
    /// The certificate or the handshake is bad.
    Tls,
    /// The body broke off.
    Body,
    /// The answer is larger than the client takes.
    TooLarge,
    /// The address must not be connected to: the URL guard's resolver said so.
    Blocked,
    /// The request could not be made.
    Request,
    /// Anything else below HTTP.
    Other,
}

impl NetworkCause {
    /// The stable code of the cause.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Timeout => "ETIMEDOUT",
            Self::Refused => "ECONNREFUSED",
            Self::Reset => "ECONNRESET",
            Self::Dns => "ENOTFOUND",
            Self::Unreachable => "ENETUNREACH",
            Self::Tls => "ETLS",
            Self::Body => "EBODY",
            Self::TooLarge => "ETOOLARGE",
            Self::Blocked => "EBLOCKED",
            Self::Request => "EREQUEST",
            Self::Other => "ENETWORK",
        }
    }

    /// Whether trying again may help.
    pub const fn is_transient(self) -> bool {
        !matches!(
            self,
            Self::Tls | Self::TooLarge | Self::Blocked | Self::Request
        )
    }

    /// Looks through the chain of a client error.
    pub(crate) fn of(error: &reqwest::Error) -> Self {
        if error.is_timeout() {
            return Self::Timeout;
        }
        if error.is_builder() {
            return Self::Request;
        }
        let mut dns = false;
        let mut source = error.source();
        while let Some(cause) = source {
            if let Some(io) = cause.downcast_ref::<std::io::Error>() {
                if let Some(cause) = Self::of_io(io) {
                    return cause;
                }
                // An io::Error shows its inner error only this way.
                source = io.get_ref().map(|inner| inner as _);
                continue;
            }
            if cause.downcast_ref::<vigie_webhooks::GuardError>().is_some() {
                return Self::Blocked;
            }
            if cause.downcast_ref::<rustls::Error>().is_some() {
                return Self::Tls;
            }
            // What is below may tell more: the guard's resolver refuses, it does not fail.
            dns |= cause.to_string().starts_with("dns error");
            source = cause.source();
        }
        match () {
            () if dns => Self::Dns,
            () if error.is_body() || error.is_decode() => Self::Body,
            () if error.is_request() => Self::Reset,
            () => Self::Other,
        }
    }

    fn of_io(error: &std::io::Error) -> Option<Self> {
        Some(match error.kind() {
            ErrorKind::TimedOut => Self::Timeout,
            ErrorKind::ConnectionRefused => Self::Refused,
            ErrorKind::ConnectionReset
            | ErrorKind::ConnectionAborted
            | ErrorKind::BrokenPipe
            | ErrorKind::NotConnected => Self::Reset,
            ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable | ErrorKind::NetworkDown => {
                Self::Unreachable
            }
            ErrorKind::UnexpectedEof => Self::Body,
            _ => return None,
        })
    }
}

impl std::fmt::Display for NetworkCause {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let words = match self {
            Self::Timeout => "no answer in time",
            Self::Refused => "connection refused",
            Self::Reset => "connection reset",
            Self::Dns => "host not found",
            Self::Unreachable => "network unreachable",
            Self::Tls => "TLS failure",
            Self::Body => "answer broke off",
            Self::TooLarge => "answer too large",
            Self::Blocked => "address not allowed",
            Self::Request => "invalid request",
            Self::Other => "network error",
        };
        write!(f, "{words} ({})", self.code())
    }
}

/// Reads a body of at most `max` bytes.
pub(crate) async fn read(mut response: Response, max: usize) -> Result<Vec<u8>, NetworkCause> {
    let mut body = Vec::new();
    while let Some(chunk) = response
        .chunk()
        .await
        .map_err(|error| NetworkCause::of(&error))?
    {
        if body.len() + chunk.len() > max {
            return Err(NetworkCause::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Largest error body worth reading.
const LARGEST_ERROR: usize = 64 * 1024;

/// Reads an error body; one that cannot be read counts as empty, since the status has said it already.
pub(crate) async fn read_error(response: Response) -> Vec<u8> {
    read(response, LARGEST_ERROR).await.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_urls_are_checked_and_trimmed() {
        let url = base_url(" https://x.test/v1// ", "X").unwrap();
        assert_eq!(
            join(&url, &["chat", "completions"]).as_str(),
            "https://x.test/v1/chat/completions"
        );
        assert_eq!(
            join(&url, &["by-id", "a/../b?c"]).as_str(),
            "https://x.test/v1/by-id/a%2F..%2Fb%3Fc"
        );
        for bad in ["", "x.test", "ftp://x.test", "file:///etc"] {
            assert_eq!(
                base_url(bad, "X"),
                Err(SetupError::BaseUrl { what: "X" }),
                "{bad}"
            );
        }
    }
}
