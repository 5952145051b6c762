//! Passwords: Argon2id, computed on a bounded number of blocking threads.

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use secrecy::{ExposeSecret, SecretString};
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Memory of one computation, KiB: 200 parallel logins queue instead of taking 4 GiB.
const MEMORY_KIB: u32 = 19 * 1024;
const ITERATIONS: u32 = 2;
/// Characters accepted for a new password (W12).
pub const NEW_PASSWORD_CHARS: std::ops::RangeInclusive<usize> = 12..=200;

/// A password could not be hashed or checked.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// The parameters are refused by the library.
    #[error("password hashing failed")]
    Hash(#[from] argon2::password_hash::Error),
    /// The worker threads are gone: the process ends.
    #[error("password worker stopped")]
    Stopped,
}

/// Hashes and verifies passwords off the runtime, at most one computation a core at once.
#[derive(Clone)]
pub struct Passwords {
    permits: Arc<Semaphore>,
    /// Verified against when there is no user, so that both answers take the same time (W5).
    decoy: Arc<str>,
}

impl Passwords {
    /// Prepares the decoy; takes as long as one login.
    pub async fn new() -> Result<Self, PasswordError> {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let mut passwords = Self {
            permits: Arc::new(Semaphore::new(cores)),
            decoy: Arc::from(String::new()),
        };
        let decoy = passwords.hash(crate::domain::secret::generate()).await?;
        passwords.decoy = Arc::from(decoy);
        Ok(passwords)
    }

    /// The stored form of a password.
    pub async fn hash(&self, password: SecretString) -> Result<String, PasswordError> {
        self.compute(move || {
            let hash = argon2id()?.hash_password(password.expose_secret().as_bytes())?;
            Ok(hash.to_string())
        })
        .await
    }

    /// Whether the password fits. `stored` is `None` for an unknown user or one without a
    /// password: the answer is no, after the same work. A malformed stored form is a no.
    pub async fn verify(
        &self,
        password: SecretString,
        stored: Option<String>,
    ) -> Result<bool, PasswordError> {
        let known = stored.is_some();
        let stored = stored.unwrap_or_else(|| self.decoy.to_string());
        let fits = self
            .compute(move || {
                let Ok(hash) = PasswordHash::new(&stored) else {
                    return Ok(false);
                };
                let password = password.expose_secret().as_bytes();
                Ok(argon2id()?.verify_password(password, &hash).is_ok())
            })
            .await?;
        Ok(known && fits)
    }

    async fn compute<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, PasswordError> + Send + 'static,
    ) -> Result<T, PasswordError> {
        let permit = self
            .permits
            .clone()
            .acquire_owned()
            .await
            .map_err(|_| PasswordError::Stopped)?;
        let task = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            work()
        });
        task.await.map_err(|_| PasswordError::Stopped)?
    }
}

fn argon2id() -> Result<Argon2<'static>, PasswordError> {
    let params = Params::new(MEMORY_KIB, ITERATIONS, 1, None)
        .map_err(|_| argon2::password_hash::Error::ParamsInvalid)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_right_password_fits() {
        let passwords = Passwords::new().await.unwrap();
        let stored = passwords.hash("a-long-phrase-7".into()).await.unwrap();
        assert!(
            stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{stored}"
        );
        assert!(
            passwords
                .verify("a-long-phrase-7".into(), Some(stored.clone()))
                .await
                .unwrap()
        );
        assert!(
            !passwords
                .verify("a-long-phrase-8".into(), Some(stored))
                .await
                .unwrap()
        );
        assert!(!passwords.verify("anything".into(), None).await.unwrap());
        assert!(
            !passwords
                .verify("anything".into(), Some("garbage".into()))
                .await
                .unwrap()
        );
    }
}
