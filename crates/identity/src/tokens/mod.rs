//! Tokens: signing (auth only), verification, published keys, and the cache of internal tokens.

mod claims;
mod internal;
mod jwks;
mod keys;
mod signer;
mod verifier;

pub use claims::{AccessClaims, InternalClaims, InvalidClaims};
pub use internal::{InternalTokenSource, InternalTokens, InternalTokensError, IssuedToken};
pub use jwks::{InvalidKey, Jwk, Jwks};
pub use keys::{KeySource, KeySourceError};
pub use signer::{AccessToken, Signer, SigningError, SigningKey};
pub use verifier::{Verifier, VerifyError};

/// `typ` of the tokens of users and machines.
pub const ACCESS_TYP: &str = "at+jwt";

/// `typ` of the tokens between services.
pub const INTERNAL_TYP: &str = "internal+jwt";

/// Longest life of an internal token.
pub const INTERNAL_MAX_SECONDS: i64 = 300;

/// Longest life of an access token that a verifier accepts, whatever auth is configured to sign.
pub const ACCESS_MAX_SECONDS: i64 = 86_400;

/// Longest token that is signed or looked at.
pub const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// How far clocks may differ.
pub const LEEWAY_SECONDS: i64 = 30;

/// Who signs tokens and for whom: `JWT_ISSUER`, `JWT_AUDIENCE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Realm {
    /// `iss` of every token.
    pub issuer: String,
    /// `aud` of access tokens.
    pub audience: String,
}

impl Default for Realm {
    fn default() -> Self {
        Self {
            issuer: "vigie".to_owned(),
            audience: "vigie".to_owned(),
        }
    }
}
