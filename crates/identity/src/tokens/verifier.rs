use super::claims::{AccessClaims, InternalClaims, InvalidClaims};
use super::keys::{KeyCache, KeySource, KeySourceError};
use super::{
    ACCESS_MAX_SECONDS, ACCESS_TYP, INTERNAL_MAX_SECONDS, INTERNAL_TYP, LEEWAY_SECONDS, Realm,
};
use crate::{Clock, Principal, ServiceName};
use chrono::{DateTime, Utc};
use jsonwebtoken::{Algorithm, Validation};
use moka::future::Cache;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// Why a token is refused. None of it is told to the caller.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// Not a JWT, or a broken one.
    #[error("malformed token")]
    Malformed,
    /// Another algorithm than `EdDSA`.
    #[error("algorithm not allowed")]
    Algorithm,
    /// Another kind of token.
    #[error("wrong token type")]
    Type,
    /// A key that auth does not publish.
    #[error("unknown key")]
    UnknownKey,
    /// Signature, issuer, audience or a missing claim.
    #[error("token refused")]
    Refused(#[source] jsonwebtoken::errors::Error),
    /// Past its end.
    #[error("token expired")]
    Expired,
    /// Signed in the future, or for longer than allowed.
    #[error("token life not allowed")]
    Life,
    /// Claims that make no principal.
    #[error(transparent)]
    Claims(#[from] InvalidClaims),
    /// No keys to verify with: the token may be good.
    #[error(transparent)]
    Keys(#[from] KeySourceError),
}

/// Digest of a token and what it must be: a token of one kind never answers for another.
type CacheKey = [u8; 32];

/// Tokens remembered, about 1 KB each.
const REMEMBERED: u64 = 10_000;

/// Verifies tokens with the keys that auth publishes.
pub struct Verifier {
    realm: Realm,
    clock: Clock,
    keys: KeyCache,
    access: Cache<CacheKey, Arc<Principal>>,
    internal: Cache<CacheKey, (ServiceName, DateTime<Utc>)>,
}

/// The times of any token.
#[derive(Clone, Copy)]
struct Life {
    iat: i64,
    exp: i64,
}

impl Verifier {
    /// A verifier for this realm.
    pub fn new(realm: Realm, source: Arc<dyn KeySource>, clock: Clock) -> Self {
        Self {
            realm,
            keys: KeyCache::new(source, clock.clone()),
            clock,
            access: Cache::new(REMEMBERED),
            internal: Cache::new(REMEMBERED),
        }
    }

    /// Verifies an access token of a user or a machine.
    pub async fn access(&self, token: &str) -> Result<Arc<Principal>, VerifyError> {
        let key = digest(ACCESS_TYP, token);
        if let Some(principal) = self.access.get(&key).await {
            self.still(principal.expires_at)?;
            return Ok(principal);
        }
        let claims: AccessClaims = self.verify(token, ACCESS_TYP, &self.realm.audience).await?;
        self.check(
            Life {
                iat: claims.iat,
                exp: claims.exp,
            },
            ACCESS_MAX_SECONDS,
        )?;
        let principal = Arc::new(Principal::try_from(claims)?);
        self.access.insert(key, Arc::clone(&principal)).await;
        Ok(principal)
    }

    /// Verifies an internal token meant for `target` and says which service calls.
    pub async fn internal(
        &self,
        token: &str,
        target: ServiceName,
    ) -> Result<ServiceName, VerifyError> {
        let key = digest(target.as_str(), token);
        if let Some((caller, expires_at)) = self.internal.get(&key).await {
            self.still(expires_at)?;
            return Ok(caller);
        }
        let claims: InternalClaims = self.verify(token, INTERNAL_TYP, target.as_str()).await?;
        self.check(
            Life {
                iat: claims.iat,
                exp: claims.exp,
            },
            INTERNAL_MAX_SECONDS,
        )?;
        let caller: ServiceName = claims.sub.parse().map_err(|_| InvalidClaims("sub"))?;
        let expires_at = DateTime::from_timestamp(claims.exp, 0).ok_or(InvalidClaims("exp"))?;
        self.internal.insert(key, (caller, expires_at)).await;
        Ok(caller)
    }

    async fn verify<C: DeserializeOwned>(
        &self,
        token: &str,
        typ: &str,
        audience: &str,
    ) -> Result<C, VerifyError> {
        let header = jsonwebtoken::decode_header(token).map_err(|_| VerifyError::Malformed)?;
        if header.alg != Algorithm::EdDSA {
            return Err(VerifyError::Algorithm);
        }
        if header.typ.as_deref() != Some(typ) {
            return Err(VerifyError::Type);
        }
        let kid = header.kid.ok_or(VerifyError::UnknownKey)?;
        let key = self.keys.get(&kid).await?.ok_or(VerifyError::UnknownKey)?;

        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_issuer(&[&self.realm.issuer]);
        validation.set_audience(&[audience]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        // Times are checked below, by our clock; `exp`, `iat` and `jti` are not optional in the claims.
        validation.validate_exp = false;
        jsonwebtoken::decode(token, &key, &validation)
            .map(|data| data.claims)
            .map_err(VerifyError::Refused)
    }

    fn check(&self, life: Life, longest: i64) -> Result<(), VerifyError> {
        let now = self.clock.now().timestamp();
        if life.exp.saturating_add(LEEWAY_SECONDS) < now {
            return Err(VerifyError::Expired);
        }
        let seconds = life.exp.saturating_sub(life.iat);
        if life.iat > now + LEEWAY_SECONDS || seconds <= 0 || seconds > longest {
            return Err(VerifyError::Life);
        }
        Ok(())
    }

    fn still(&self, expires_at: DateTime<Utc>) -> Result<(), VerifyError> {
        let over = expires_at.timestamp() + LEEWAY_SECONDS < self.clock.now().timestamp();
        if over {
            Err(VerifyError::Expired)
        } else {
            Ok(())
        }
    }
}

fn digest(kind: &str, token: &str) -> CacheKey {
    Sha256::new()
        .chain_update(kind)
        .chain_update([0])
        .chain_update(token)
        .finalize()
        .into()
}
