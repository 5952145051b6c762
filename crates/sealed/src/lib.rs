//! Secrets at rest: AES-256-GCM under `VIGIE_ENCRYPTION_KEY`. Nothing here logs, stores or sends
//! what it seals, and no error says more than that it failed.

mod text;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use secrecy::{ExposeSecret, SecretString};
use std::fmt;

/// A secret could not be sealed or opened.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// A key is not 32 bytes in base64.
    #[error("VIGIE_ENCRYPTION_KEY must hold 32 bytes in base64, several separated by commas")]
    Key,
    /// The cipher refused.
    #[error("sealing failed")]
    Seal,
    /// No configured key opens it.
    #[error("no key of VIGIE_ENCRYPTION_KEY opens a stored secret")]
    Open,
}

/// The configured keys: the first seals, all open.
#[derive(Default)]
pub struct SealingKeys(Vec<LessSafeKey>);

impl fmt::Debug for SealingKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealingKeys({})", self.0.len())
    }
}

impl SealingKeys {
    /// Parses the comma list of `VIGIE_ENCRYPTION_KEY`.
    pub fn parse(list: &SecretString) -> Result<Self, SealError> {
        let keys = list
            .expose_secret()
            .split(',')
            .map(str::trim)
            .filter(|key| !key.is_empty());
        let keys = keys.map(|key| {
            let bytes = STANDARD.decode(key).map_err(|_| SealError::Key)?;
            let key = UnboundKey::new(&AES_256_GCM, &bytes).map_err(|_| SealError::Key)?;
            Ok(LessSafeKey::new(key))
        });
        let keys: Vec<_> = keys.collect::<Result<_, SealError>>()?;
        if keys.is_empty() {
            Err(SealError::Key)
        } else {
            Ok(Self(keys))
        }
    }

    /// Nonce and ciphertext, bound to `context` (what the secret is for).
    pub fn seal(&self, context: &str, secret: &[u8]) -> Result<Vec<u8>, SealError> {
        let key = self.0.first().ok_or(SealError::Key)?;
        let nonce: [u8; NONCE_LEN] = rand::random();
        let mut sealed = secret.to_vec();
        let aad = Aad::from(context.as_bytes());
        key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad, &mut sealed)
            .map_err(|_| SealError::Seal)?;
        sealed.splice(0..0, nonce);
        Ok(sealed)
    }

    /// The secret, opened by whichever key sealed it.
    pub fn open(&self, context: &str, sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        Self::open_by(&self.0, context, sealed)
    }

    fn open_by(keys: &[LessSafeKey], context: &str, sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        let (nonce, ciphertext) = sealed.split_at_checked(NONCE_LEN).ok_or(SealError::Open)?;
        for key in keys {
            let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| SealError::Open)?;
            let mut buffer = ciphertext.to_vec();
            if let Ok(secret) = key.open_in_place(nonce, Aad::from(context.as_bytes()), &mut buffer)
            {
                return Ok(secret.to_vec());
            }
        }
        Err(SealError::Open)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(bytes: &[u8]) -> SealingKeys {
        let list: Vec<_> = bytes
            .iter()
            .map(|byte| STANDARD.encode([*byte; 32]))
            .collect();
        SealingKeys::parse(&list.join(",").into()).unwrap()
    }

    #[test]
    fn old_keys_still_open_after_a_rotation() {
        let sealed = keys(&[1]).seal("key", b"secret").unwrap();
        assert_eq!(keys(&[2, 1]).open("key", &sealed).unwrap(), b"secret");
        assert!(keys(&[2]).open("key", &sealed).is_err());
        assert!(keys(&[1]).open("another", &sealed).is_err());
        assert!(keys(&[1]).open("key", &sealed[..5]).is_err());
    }

    #[test]
    fn short_keys_are_refused() {
        assert!(SealingKeys::parse(&STANDARD.encode([1; 16]).into()).is_err());
        assert!(SealingKeys::parse(&" , ".to_owned().into()).is_err());
    }
}
