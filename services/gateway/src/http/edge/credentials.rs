use crate::app::anonymous_call;
use crate::http::failure::Failure;
use axum::http::{HeaderMap, header};
use moka::future::Cache;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use std::sync::Arc;
use std::time::Duration;
use vigie_contracts::auth::v1::ExchangeApiTokenRequest;
use vigie_contracts::auth::v1::auth_service_client::AuthServiceClient;
use vigie_identity::tokens::{Verifier, VerifyError};
use vigie_identity::{Caller, Principal};
use vigie_service::{ErrorCode, InternalChannel, WireError};

/// Shorter than the life of what auth gives for an API token (60 s), so that a call which starts
/// with a remembered one still ends with it.
const REMEMBERED: Duration = Duration::from_secs(45);
const MAX_REMEMBERED: u64 = 10_000;

const API_KEY: &str = "x-api-key";

/// API tokens and what auth gave for them; refused ones are remembered too.
pub struct ApiTokens {
    auth: AuthServiceClient<InternalChannel>,
    exchanged: Cache<[u8; 32], Option<SecretString>>,
}

impl ApiTokens {
    /// Asks auth.
    pub fn new(auth: AuthServiceClient<InternalChannel>) -> Self {
        let exchanged = Cache::builder()
            .max_capacity(MAX_REMEMBERED)
            .time_to_live(REMEMBERED)
            .build();
        Self { auth, exchanged }
    }

    /// The access token that stands for an API token; `None` when auth does not know it.
    async fn exchange(&self, api_token: &str) -> Result<Option<SecretString>, Failure> {
        let key = Sha256::digest(api_token.as_bytes()).into();
        let ask = async {
            let request = ExchangeApiTokenRequest {
                api_token: api_token.to_owned(),
            };
            match self
                .auth
                .clone()
                .exchange_api_token(anonymous_call(request))
                .await
            {
                Ok(answer) => Ok(Some(SecretString::from(answer.into_inner().access_token))),
                Err(status) => match WireError::from(&status) {
                    error if error.code == ErrorCode::Authentication => Ok(None),
                    error => Err(Failure::from(error)),
                },
            }
        };
        // One question for all requests that wait for the same token.
        let known = self.exchanged.try_get_with(key, ask).await;
        known.map_err(|error: Arc<Failure>| Failure::clone(&error))
    }
}

/// Finds out who calls.
pub struct Credentials {
    verifier: Arc<Verifier>,
    api_tokens: ApiTokens,
}

impl Credentials {
    /// With the published keys, and auth for API tokens.
    pub fn new(verifier: Arc<Verifier>, api_tokens: ApiTokens) -> Self {
        Self {
            verifier,
            api_tokens,
        }
    }

    /// The caller of a request: the bearer, else the API key; a bad one does not mask a good one
    /// (W15). An error means that it could not be decided.
    pub async fn find(&self, headers: &HeaderMap) -> Result<Option<Caller>, Failure> {
        let mut undecided = None;
        if let Some(token) = bearer(headers) {
            let found = if is_jwt(token) {
                self.verified(token).await
            } else {
                self.machine(token).await
            };
            match found {
                Ok(Some(caller)) => return Ok(Some(caller)),
                Ok(None) => {}
                Err(failure) => undecided = Some(failure),
            }
        }
        if let Some(token) = api_key(headers)
            && let Some(caller) = self.machine(token).await?
        {
            return Ok(Some(caller));
        }
        undecided.map_or(Ok(None), Err)
    }

    /// Whether a credential that was verified before was taken back since.
    pub fn ended(&self, principal: &Principal) -> bool {
        self.verifier.ended(principal)
    }

    async fn machine(&self, api_token: &str) -> Result<Option<Caller>, Failure> {
        match self.api_tokens.exchange(api_token).await? {
            Some(token) => self.verified(token.expose_secret()).await,
            None => Ok(None),
        }
    }

    async fn verified(&self, token: &str) -> Result<Option<Caller>, Failure> {
        match self.verifier.access(token).await {
            Ok(principal) => Ok(Some(Caller {
                principal: Some(principal),
                service: None,
                token: Some(SecretString::from(token)),
            })),
            Err(VerifyError::Keys(error)) => {
                tracing::warn!(%error, "no keys to verify tokens with");
                Err(Failure::new(ErrorCode::Unavailable, "Service unavailable"))
            }
            Err(
                error @ (VerifyError::Malformed
                | VerifyError::Algorithm
                | VerifyError::Type
                | VerifyError::UnknownKey
                | VerifyError::Refused(_)
                | VerifyError::Expired
                | VerifyError::Revoked
                | VerifyError::Life
                | VerifyError::Claims(_)),
            ) => {
                tracing::debug!(%error, "token refused");
                Ok(None)
            }
        }
    }
}

/// The bearer token, if one is sent.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = only(headers, header::AUTHORIZATION.as_str())?;
    let (scheme, token) = value.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

fn api_key(headers: &HeaderMap) -> Option<&str> {
    let token = only(headers, API_KEY)?.trim();
    (!token.is_empty()).then_some(token)
}

/// The value of a header that is sent once: of two, each reader might choose another one.
fn only<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?;
    if values.next().is_some() {
        return None;
    }
    value.to_str().ok()
}

fn is_jwt(token: &str) -> bool {
    token.split('.').count() == 3
}

#[cfg(test)]
mod tests {
    use super::{api_key, bearer};
    use axum::http::{HeaderMap, HeaderName, HeaderValue};
    use rstest::rstest;

    fn headers(all: &[(&'static str, &'static str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &'static str)| {
            (
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            )
        };
        all.iter().map(pair).collect()
    }

    #[rstest]
    #[case(&[("authorization", "Bearer a.b.c")], Some("a.b.c"))]
    #[case(&[("authorization", "bearer  a.b.c ")], Some("a.b.c"))]
    #[case(&[("authorization", "Bearer a.b.c"), ("authorization", "Bearer a.b.c")], None)]
    #[case(&[("authorization", "Basic YTpi"), ("authorization", "Bearer a.b.c")], None)]
    #[case(&[("authorization", "Bearer")], None)]
    #[case(&[("authorization", "Bearer ")], None)]
    #[case(&[("authorization", "Token a.b.c")], None)]
    fn a_bearer_is_sent_once(
        #[case] sent: &[(&'static str, &'static str)],
        #[case] read: Option<&str>,
    ) {
        assert_eq!(bearer(&headers(sent)), read);
    }

    #[test]
    fn an_api_key_is_sent_once() {
        assert_eq!(api_key(&headers(&[("x-api-key", " k ")])), Some("k"));
        let twice = headers(&[("x-api-key", "k"), ("x-api-key", "l")]);
        assert_eq!(api_key(&twice), None);
    }
}
