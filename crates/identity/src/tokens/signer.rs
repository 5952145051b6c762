use super::claims::{AccessClaims, InternalClaims, subject};
use super::{ACCESS_TYP, INTERNAL_MAX_SECONDS, INTERNAL_TYP, Jwk, MAX_TOKEN_BYTES, Realm};
use crate::{Principal, ServiceName};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use ed25519_dalek::pkcs8::{DecodePrivateKey, EncodePrivateKey};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rand::rand_core::UnwrapErr;
use rand::rngs::SysRng;
use secrecy::{ExposeSecret, SecretSlice, SecretString};
use serde::Serialize;
use uuid::Uuid;

/// A private key that cannot be used, or a token that cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum SigningError {
    /// Not a PKCS#8 Ed25519 private key.
    #[error("not a PKCS#8 Ed25519 private key")]
    Key(#[source] ed25519_dalek::pkcs8::Error),
    /// The token could not be signed.
    #[error("signing failed")]
    Sign(#[source] jsonwebtoken::errors::Error),
    /// So many teams and grants that no service would read it.
    #[error("token of {0} bytes is too large")]
    TooLarge(usize),
}

/// A key pair that signs tokens. Only auth holds one; it stores the private half encrypted.
pub struct SigningKey {
    kid: String,
    private: SecretSlice<u8>,
    public: String,
}

impl SigningKey {
    /// A new key pair under a random id.
    pub fn generate() -> Result<Self, SigningError> {
        let key = ed25519_dalek::SigningKey::generate(&mut UnwrapErr(SysRng));
        Self::from_key(Uuid::new_v4().simple().to_string(), &key)
    }

    /// A stored key: its id and the private half as PKCS#8 DER.
    pub fn from_pkcs8(kid: impl Into<String>, der: &[u8]) -> Result<Self, SigningError> {
        let key = ed25519_dalek::SigningKey::from_pkcs8_der(der).map_err(SigningError::Key)?;
        Self::from_key(kid.into(), &key)
    }

    fn from_key(kid: String, key: &ed25519_dalek::SigningKey) -> Result<Self, SigningError> {
        let der = key.to_pkcs8_der().map_err(SigningError::Key)?;
        Ok(Self {
            kid,
            private: der.as_bytes().to_vec().into(),
            public: URL_SAFE_NO_PAD.encode(key.verifying_key().as_bytes()),
        })
    }

    /// The key id.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The private half as PKCS#8 DER, to be encrypted and stored.
    pub fn pkcs8(&self) -> &SecretSlice<u8> {
        &self.private
    }

    /// The public half, to be published.
    pub fn jwk(&self) -> Jwk {
        Jwk::ed25519(&self.kid, &self.public)
    }
}

/// A signed access token.
pub struct AccessToken {
    /// The token.
    pub token: SecretString,
    /// When it ends.
    pub expires_at: DateTime<Utc>,
}

/// Signs tokens with one key of one realm.
pub struct Signer {
    realm: Realm,
    kid: String,
    key: EncodingKey,
}

impl Signer {
    /// A signer with this key.
    pub fn new(realm: Realm, key: &SigningKey) -> Self {
        let encoding = EncodingKey::from_ed_der(key.private.expose_secret());
        Self {
            realm,
            kid: key.kid.clone(),
            key: encoding,
        }
    }

    /// Signs an access token. It lives from `now` to the principal's `expires_at`.
    pub fn access(
        &self,
        principal: &Principal,
        now: DateTime<Utc>,
    ) -> Result<AccessToken, SigningError> {
        let claims = AccessClaims {
            iss: self.realm.issuer.clone(),
            aud: self.realm.audience.clone(),
            sub: subject(&principal.kind),
            iat: now.timestamp(),
            exp: principal.expires_at.timestamp(),
            jti: Uuid::new_v4().to_string(),
            sid: principal.session.clone(),
            ver: principal.version,
            email: principal.email.clone(),
            roles: principal.roles.clone(),
            crm_user_id: principal.crm_user_id.clone(),
            groupes: principal.groupes.clone(),
            groupe_names: principal.groupe_names.clone(),
            permission_grants: principal.grants.clone(),
        };
        let token = self.sign(ACCESS_TYP, &claims)?;
        Ok(AccessToken {
            token,
            expires_at: principal.expires_at,
        })
    }

    /// Signs an internal token for calls of `caller` to `target`, and says how many seconds it lives.
    pub fn internal(
        &self,
        caller: ServiceName,
        target: ServiceName,
        now: DateTime<Utc>,
    ) -> Result<(SecretString, i64), SigningError> {
        let claims = InternalClaims {
            iss: self.realm.issuer.clone(),
            sub: caller.as_str().to_owned(),
            aud: target.as_str().to_owned(),
            iat: now.timestamp(),
            exp: now.timestamp() + INTERNAL_MAX_SECONDS,
            jti: Uuid::new_v4().to_string(),
        };
        Ok((self.sign(INTERNAL_TYP, &claims)?, INTERNAL_MAX_SECONDS))
    }

    fn sign(&self, typ: &str, claims: &impl Serialize) -> Result<SecretString, SigningError> {
        let mut header = Header::new(Algorithm::EdDSA);
        header.typ = Some(typ.to_owned());
        header.kid = Some(self.kid.clone());
        let token = jsonwebtoken::encode(&header, claims, &self.key).map_err(SigningError::Sign)?;
        if token.len() > MAX_TOKEN_BYTES {
            return Err(SigningError::TooLarge(token.len()));
        }
        Ok(token.into())
    }
}
