use super::InternalChannel;
use secrecy::{ExposeSecret, SecretString};
use std::time::Duration;
use tonic::async_trait;
use vigie_contracts::auth::v1::auth_service_client::AuthServiceClient;
use vigie_contracts::auth::v1::{GetJwksRequest, IssueInternalTokenRequest};
use vigie_identity::ServiceName;
use vigie_identity::tokens::{
    InternalTokenSource, InternalTokensError, IssuedToken, Jwk, Jwks, KeySource, KeySourceError,
};

/// The published keys, asked from auth.
pub(crate) struct AuthKeys(pub(crate) InternalChannel);

#[async_trait]
impl KeySource for AuthKeys {
    async fn fetch(&self) -> Result<Jwks, KeySourceError> {
        let answer = AuthServiceClient::new(self.0.clone())
            .get_jwks(GetJwksRequest {})
            .await
            .map_err(|status| KeySourceError(status.code().to_string()))?;
        let keys = answer.into_inner().keys;
        Ok(Jwks {
            keys: keys
                .into_iter()
                .map(|key| Jwk::ed25519(key.kid, key.x))
                .collect(),
        })
    }
}

/// Internal tokens, asked from auth for this service's secret.
pub(crate) struct AuthTokens {
    pub(crate) channel: InternalChannel,
    pub(crate) service: ServiceName,
    /// Auth has none: it signs its own.
    pub(crate) secret: Option<SecretString>,
}

#[async_trait]
impl InternalTokenSource for AuthTokens {
    async fn issue(&self, audience: ServiceName) -> Result<IssuedToken, InternalTokensError> {
        let missing = || InternalTokensError("INTERNAL_CLIENT_SECRET is not set".to_owned());
        let secret = self.secret.as_ref().ok_or_else(missing)?;
        let request = IssueInternalTokenRequest {
            service: self.service.as_str().to_owned(),
            secret: secret.expose_secret().to_owned(),
            audience: audience.as_str().to_owned(),
        };
        let answer = AuthServiceClient::new(self.channel.clone())
            .issue_internal_token(request)
            .await
            .map_err(|status| InternalTokensError(status.code().to_string()))?
            .into_inner();
        let expires_in = u64::try_from(answer.expires_in_seconds).unwrap_or_default();
        Ok(IssuedToken {
            token: answer.token.into(),
            expires_in: Duration::from_secs(expires_in),
        })
    }
}
