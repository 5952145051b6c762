//! Opaque secrets: refresh tokens and tickets.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

/// Bytes of randomness in a refresh token or ticket (identity.md 1.9).
const SECRET_BYTES: usize = 48;

/// A new opaque secret: 48 random bytes, base64url without padding.
pub fn generate() -> SecretString {
    let bytes: [u8; SECRET_BYTES] = rand::random();
    SecretString::from(URL_SAFE_NO_PAD.encode(bytes))
}

/// What is stored of a secret: SHA-256, base64url without padding. The secret has 384 random
/// bits, so a fast hash is enough.
pub fn hash(secret: &SecretString) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(secret.expose_secret().as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_have_the_contracts_lengths() {
        let secret = generate();
        assert_eq!(secret.expose_secret().len(), 64);
        assert_eq!(hash(&secret).len(), 43);
        assert_ne!(hash(&secret), hash(&generate()));
    }
}
