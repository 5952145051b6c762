use super::claims::{AccessClaims, InternalClaims, InvalidClaims};
use super::keys::{KeyCache, KeySource, KeySourceError};
use super::{
    ACCESS_MAX_SECONDS, ACCESS_TYP, INTERNAL_MAX_SECONDS, INTERNAL_TYP, LEEWAY_SECONDS,
    MAX_TOKEN_BYTES, Realm,
};
use crate::{Clock, Principal, Revocations, ServiceName};
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
    /// Taken back before its end.
    #[error("token revoked")]
    Revoked,
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
    revocations: Arc<Revocations>,
    access: Cache<CacheKey, Proven<Arc<Principal>>>,
    internal: Cache<CacheKey, Proven<ServiceName>>,
}

/// What a token said when its signature was verified.
#[derive(Debug, Clone)]
struct Proven<T> {
    what: T,
    /// The key it was signed with: withdrawn, it takes its tokens along.
    kid: Arc<str>,
    expires_at: DateTime<Utc>,
}

/// Claims under a good signature, and its key.
struct Signed<C> {
    claims: C,
    kid: Arc<str>,
}

/// The times of any token.
#[derive(Clone, Copy)]
struct Life {
    iat: i64,
    exp: i64,
}

impl Verifier {
    /// A verifier for this realm that hears of no revocation.
    pub fn new(realm: Realm, source: Arc<dyn KeySource>, clock: Clock) -> Self {
        let revocations = Arc::new(Revocations::new(clock.clone()));
        Self::with_revocations(realm, source, clock, revocations)
    }

    /// Whether a credential that was verified before was taken back since.
    pub fn ended(&self, principal: &Principal) -> bool {
        self.revocations.ended(principal)
    }

    /// A verifier that asks `revocations` each time.
    pub fn with_revocations(
        realm: Realm,
        source: Arc<dyn KeySource>,
        clock: Clock,
        revocations: Arc<Revocations>,
    ) -> Self {
        Self {
            realm,
            revocations,
            keys: KeyCache::new(source, clock.clone()),
            clock,
            access: Cache::new(REMEMBERED),
            internal: Cache::new(REMEMBERED),
        }
    }

    /// Verifies an access token of a user or a machine.
    pub async fn access(&self, token: &str) -> Result<Arc<Principal>, VerifyError> {
        let principal = self.proven_access(token).await?;
        if self.revocations.ended(&principal) {
            return Err(VerifyError::Revoked);
        }
        Ok(principal)
    }

    async fn proven_access(&self, token: &str) -> Result<Arc<Principal>, VerifyError> {
        check_size(token)?;
        let key = digest(ACCESS_TYP, token);
        if let Some(proven) = self.access.get(&key).await {
            return self.still(proven).await;
        }
        let signed: Signed<AccessClaims> =
            self.verify(token, ACCESS_TYP, &self.realm.audience).await?;
        let life = Life {
            iat: signed.claims.iat,
            exp: signed.claims.exp,
        };
        self.check(life, ACCESS_MAX_SECONDS)?;
        let principal = Arc::new(Principal::try_from(signed.claims)?);
        let proven = Proven {
            expires_at: principal.expires_at,
            what: Arc::clone(&principal),
            kid: signed.kid,
        };
        self.access.insert(key, proven).await;
        Ok(principal)
    }

    /// Verifies an internal token meant for `target` and says which service calls.
    pub async fn internal(
        &self,
        token: &str,
        target: ServiceName,
    ) -> Result<ServiceName, VerifyError> {
        check_size(token)?;
        let key = digest(target.as_str(), token);
        if let Some(proven) = self.internal.get(&key).await {
            return self.still(proven).await;
        }
        let signed: Signed<InternalClaims> =
            self.verify(token, INTERNAL_TYP, target.as_str()).await?;
        let life = Life {
            iat: signed.claims.iat,
            exp: signed.claims.exp,
        };
        self.check(life, INTERNAL_MAX_SECONDS)?;
        let what: ServiceName = signed
            .claims
            .sub
            .parse()
            .map_err(|_| InvalidClaims("sub"))?;
        let expires_at = DateTime::from_timestamp(life.exp, 0).ok_or(InvalidClaims("exp"))?;
        let proven = Proven {
            what,
            kid: signed.kid,
            expires_at,
        };
        self.internal.insert(key, proven).await;
        Ok(what)
    }

    async fn verify<C: DeserializeOwned>(
        &self,
        token: &str,
        typ: &str,
        audience: &str,
    ) -> Result<Signed<C>, VerifyError> {
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
        // Times are checked by our clock; `exp`, `iat` and `jti` are not optional in the claims.
        validation.validate_exp = false;
        let claims = jsonwebtoken::decode(token, &key, &validation)
            .map(|data| data.claims)
            .map_err(VerifyError::Refused)?;
        Ok(Signed {
            claims,
            kid: kid.into(),
        })
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

    async fn still<T>(&self, proven: Proven<T>) -> Result<T, VerifyError> {
        if proven.expires_at.timestamp() + LEEWAY_SECONDS < self.clock.now().timestamp() {
            return Err(VerifyError::Expired);
        }
        let key = self.keys.get(&proven.kid).await?;
        key.map(|_| proven.what).ok_or(VerifyError::UnknownKey)
    }
}

fn check_size(token: &str) -> Result<(), VerifyError> {
    if token.len() > MAX_TOKEN_BYTES {
        return Err(VerifyError::Malformed);
    }
    Ok(())
}

fn digest(kind: &str, token: &str) -> CacheKey {
    Sha256::new()
        .chain_update(kind)
        .chain_update([0])
        .chain_update(token)
        .finalize()
        .into()
}
