use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::DecodingKey;
use serde::{Deserialize, Serialize};

/// A published Ed25519 key, as in `/.well-known/jwks.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Jwk {
    kty: String,
    crv: String,
    /// Key id, named in token headers.
    pub kid: String,
    /// The public key, base64url without padding.
    pub x: String,
    #[serde(rename = "use")]
    purpose: String,
    alg: String,
}

/// A public key that is not 32 bytes of base64url.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("key {kid} is not an Ed25519 public key")]
pub struct InvalidKey {
    /// Which key.
    pub kid: String,
}

impl Jwk {
    /// A key from its id and its bytes in base64url.
    pub fn ed25519(kid: impl Into<String>, x: impl Into<String>) -> Self {
        Self {
            kty: "OKP".to_owned(),
            crv: "Ed25519".to_owned(),
            kid: kid.into(),
            x: x.into(),
            purpose: "sig".to_owned(),
            alg: "EdDSA".to_owned(),
        }
    }

    pub(super) fn decoding_key(&self) -> Result<DecodingKey, InvalidKey> {
        let invalid = || InvalidKey {
            kid: self.kid.clone(),
        };
        let bytes = URL_SAFE_NO_PAD.decode(&self.x).map_err(|_| invalid())?;
        let right = self.kty == "OKP" && self.crv == "Ed25519" && bytes.len() == 32;
        if right {
            Ok(DecodingKey::from_ed_der(&bytes))
        } else {
            Err(invalid())
        }
    }
}

/// The published keys.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Jwks {
    /// Keys that tokens may be signed with; the next one is here before it signs.
    pub keys: Vec<Jwk>,
}
