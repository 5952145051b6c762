//! Settings of the gateway client.

use std::time::Duration;

use secrecy::SecretString;
use url::Url;

use crate::SetupError;
use crate::http;
use crate::retry::RetryPolicy;

/// How to reach the gateway.
#[derive(Debug, Clone)]
pub struct CrmConfig {
    /// Any form of the base URL; `/api` is appended unless it is there.
    pub base_url: String,
    /// The token; blank is none. One that starts with `bearer ` is sent as it is.
    pub token: Option<SecretString>,
    /// Whether sales lists carry recordings.
    pub sales_include_recordings: bool,
    /// Limits of single attempts and of operations.
    pub timeouts: CrmTimeouts,
    /// Attempts and waits.
    pub retry: RetryPolicy,
    /// Simultaneous fiche requests of this process.
    pub fiche_concurrency: usize,
    /// Simultaneous sales lists of this process.
    pub sales_concurrency: usize,
}

impl CrmConfig {
    /// The gateway at `base_url`, without token, with the contract's limits.
    pub fn new(base_url: impl Into<String>) -> Self {
        Self {
            base_url: base_url.into(),
            token: None,
            sales_include_recordings: false,
            timeouts: CrmTimeouts::default(),
            retry: RetryPolicy::STANDARD,
            fiche_concurrency: 3,
            sales_concurrency: 1,
        }
    }
}

/// Time limits.
#[derive(Debug, Clone, Copy)]
pub struct CrmTimeouts {
    /// One attempt at a sales list.
    pub sales: Duration,
    /// The single attempt at one day's sales.
    pub sales_day: Duration,
    /// One attempt at a fiche.
    pub fiche: Duration,
    /// One attempt at users or groups.
    pub directory: Duration,
    /// The health probe.
    pub health: Duration,
    /// A whole operation: queueing, attempts and waits. Below the 5 minutes a task has.
    pub budget: Duration,
}

impl Default for CrmTimeouts {
    fn default() -> Self {
        Self {
            sales: Duration::from_mins(2),
            sales_day: Duration::from_secs(90),
            fiche: Duration::from_mins(2),
            directory: Duration::from_mins(1),
            health: Duration::from_secs(5),
            budget: Duration::from_secs(280),
        }
    }
}

/// Strips trailing slashes and makes the path end in exactly one `/api`.
pub fn normalise_base_url(text: &str) -> Result<Url, SetupError> {
    let url = http::base_url(text, "the CRM base URL")?;
    if url.path().ends_with("/api") {
        return Ok(url);
    }
    Ok(http::join(&url, &["api"]))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("https://crm.test", "https://crm.test/api")]
    #[case("https://crm.test/", "https://crm.test/api")]
    #[case("https://crm.test/api", "https://crm.test/api")]
    #[case("https://crm.test/api///", "https://crm.test/api")]
    #[case(" https://crm.test/gw/ ", "https://crm.test/gw/api")]
    #[case("https://crm.test/myapi", "https://crm.test/myapi/api")]
    fn api_occurs_once(#[case] given: &str, #[case] expected: &str) {
        assert_eq!(normalise_base_url(given).unwrap().as_str(), expected);
    }

    #[test]
    fn there_is_no_built_in_host() {
        assert!(normalise_base_url("").is_err());
    }
}
