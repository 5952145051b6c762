//! Passwords: Argon2id, computed on a bounded number of blocking threads.

use super::argon::Memory;
use super::legacy;
use argon2::password_hash::phc::PasswordHash;
use argon2::{Argon2, PasswordVerifier};
use secrecy::{ExposeSecret, SecretString};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Characters accepted for a new password (W12).
pub const NEW_PASSWORD_CHARS: std::ops::RangeInclusive<usize> = 12..=200;

/// A password could not be hashed or checked.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// The parameters are refused by the library.
    #[error("password hashing failed")]
    Hash(#[from] argon2::Error),
    /// The worker threads are gone: the process ends.
    #[error("password worker stopped")]
    Stopped,
}

/// What a check found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Not this password, or none is stored.
    Wrong,
    /// This one.
    Right,
    /// This one, stored in a form of former times: it is to be hashed anew.
    RightButOld,
}

/// Hashes and verifies passwords off the runtime, at most one computation a core at once.
#[derive(Clone)]
pub struct Passwords {
    permits: Arc<Semaphore>,
    load: Arc<Load>,
    memory: Arc<Memory>,
    /// Verified against when there is no user, so that both answers take the same time (W5).
    decoy: Arc<str>,
}

/// How many computations run, and how many ever did at once: each takes memory.
#[derive(Debug, Default)]
struct Load {
    running: AtomicU32,
    peak: AtomicU32,
}

impl Load {
    fn begin(self: Arc<Self>) -> Running {
        let running = self.running.fetch_add(1, Ordering::Relaxed) + 1;
        let peak = self.peak.fetch_max(running, Ordering::Relaxed).max(running);
        metrics::gauge!("vigie_auth_password_hashes").set(f64::from(running));
        metrics::gauge!("vigie_auth_password_hashes_peak").set(f64::from(peak));
        Running(self)
    }
}

/// One computation, until it is dropped.
struct Running(Arc<Load>);

impl Drop for Running {
    fn drop(&mut self) {
        let left = self.0.running.fetch_sub(1, Ordering::Relaxed) - 1;
        metrics::gauge!("vigie_auth_password_hashes").set(f64::from(left));
    }
}

/// The right to compute, held by whoever waited for it. What is done while it is held, such as
/// counting failures, is done by no more at once than there are cores.
#[derive(Clone)]
pub struct Slot {
    permit: Arc<OwnedSemaphorePermit>,
    load: Arc<Load>,
    memory: Arc<Memory>,
    decoy: Arc<str>,
}

impl Passwords {
    /// Prepares the decoy; takes as long as one login.
    pub async fn new() -> Result<Self, PasswordError> {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self::with_slots(cores).await
    }

    async fn with_slots(slots: usize) -> Result<Self, PasswordError> {
        let mut passwords = Self {
            permits: Arc::new(Semaphore::new(slots)),
            load: Arc::default(),
            memory: Arc::default(),
            decoy: Arc::from(String::new()),
        };
        let decoy = passwords.hash(super::secret::generate()).await?;
        passwords.decoy = Arc::from(decoy);
        Ok(passwords)
    }

    /// Waits for the right to compute.
    pub async fn slot(&self) -> Result<Slot, PasswordError> {
        let permit = Arc::clone(&self.permits).acquire_owned().await;
        Ok(Slot {
            permit: Arc::new(permit.map_err(|_| PasswordError::Stopped)?),
            load: Arc::clone(&self.load),
            memory: Arc::clone(&self.memory),
            decoy: Arc::clone(&self.decoy),
        })
    }

    /// The stored form of a password.
    pub async fn hash(&self, password: SecretString) -> Result<String, PasswordError> {
        self.slot().await?.hash(password).await
    }
}

impl Slot {
    /// The stored form of a password.
    pub async fn hash(&self, password: SecretString) -> Result<String, PasswordError> {
        self.compute(move |memory| Ok(memory.hash(password.expose_secret().as_bytes())?))
            .await
    }

    /// Whether the password fits. `stored` is `None` for an unknown user or one without a
    /// password: the answer is no, after the same work. A malformed stored form is a no.
    pub async fn verify(
        &self,
        password: SecretString,
        stored: Option<String>,
    ) -> Result<Verdict, PasswordError> {
        let known = stored.is_some();
        let stored = stored.unwrap_or_else(|| self.decoy.to_string());
        let verdict = self
            .compute(move |memory| verify(memory, password.expose_secret().as_bytes(), &stored))
            .await?;
        Ok(if known { verdict } else { Verdict::Wrong })
    }

    /// The permit goes with the work: when the caller gives up, the thread does not.
    async fn compute<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Memory) -> Result<T, PasswordError> + Send + 'static,
    ) -> Result<T, PasswordError> {
        let permit = Arc::clone(&self.permit);
        let load = Arc::clone(&self.load);
        let memory = Arc::clone(&self.memory);
        let task = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            let _running = load.begin();
            work(&memory)
        });
        task.await.map_err(|_| PasswordError::Stopped)?
    }
}

fn verify(memory: &Memory, password: &[u8], stored: &str) -> Result<Verdict, PasswordError> {
    let verdict = |fits, right| if fits { right } else { Verdict::Wrong };
    if legacy::is_legacy(stored) {
        let fits = legacy::fits(password, stored);
        return Ok(verdict(fits, Verdict::RightButOld));
    }
    if let Some(fits) = memory.fits(password, stored)? {
        return Ok(verdict(fits, Verdict::Right));
    }
    // Made with other parameters: its own memory, once, as it is hashed anew.
    let fits = PasswordHash::new(stored)
        .is_ok_and(|hash| Argon2::default().verify_password(password, &hash).is_ok());
    Ok(verdict(fits, Verdict::RightButOld))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::argon::CURRENT;
    use argon2::{Algorithm, Params, PasswordHasher, Version};
    use std::sync::atomic::{AtomicUsize, Ordering};

    async fn check(passwords: &Passwords, password: &str, stored: Option<String>) -> Verdict {
        let slot = passwords.slot().await.unwrap();
        slot.verify(password.into(), stored).await.unwrap()
    }

    #[tokio::test]
    async fn only_the_right_password_fits() {
        let passwords = Passwords::new().await.unwrap();
        let stored = passwords.hash("a-long-phrase-7".into()).await.unwrap();
        assert!(stored.starts_with(CURRENT), "{stored}");
        let verdict = check(&passwords, "a-long-phrase-7", Some(stored.clone())).await;
        assert_eq!(verdict, Verdict::Right);
        for (password, stored) in [
            ("a-long-phrase-8", Some(stored)),
            ("anything", None),
            ("anything", Some("garbage".to_owned())),
        ] {
            assert_eq!(check(&passwords, password, stored).await, Verdict::Wrong);
        }
    }

    #[tokio::test]
    async fn weaker_parameters_are_told() {
        let passwords = Passwords::with_slots(1).await.unwrap();
        let weak = Params::new(8 * 1024, 1, 1, None).unwrap();
        let weak = Argon2::new(Algorithm::Argon2id, Version::V0x13, weak);
        let stored = weak.hash_password(b"a-long-phrase-7").unwrap().to_string();
        let verdict = check(&passwords, "a-long-phrase-7", Some(stored)).await;
        assert_eq!(verdict, Verdict::RightButOld);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn two_hundred_at_once_compute_two_at_a_time() {
        let passwords = Passwords::with_slots(2).await.unwrap();
        let running = Arc::new((AtomicUsize::new(0), AtomicUsize::new(0)));
        let one = || async {
            let (slot, running) = (passwords.slot().await.unwrap(), Arc::clone(&running));
            let work = move |_: &Memory| {
                let now = running.0.fetch_add(1, Ordering::SeqCst) + 1;
                running.1.fetch_max(now, Ordering::SeqCst);
                std::thread::yield_now();
                running.0.fetch_sub(1, Ordering::SeqCst);
                Ok(())
            };
            slot.compute(work).await.unwrap();
        };
        futures::future::join_all((0..200).map(|_| one())).await;
        assert!(running.1.load(Ordering::SeqCst) <= 2);
        assert_eq!(passwords.permits.available_permits(), 2);
    }

    #[tokio::test]
    async fn a_caller_that_gives_up_leaves_its_permit_with_the_work() {
        let passwords = Passwords::with_slots(1).await.unwrap();
        let (go, wait) = std::sync::mpsc::channel::<()>();
        let slot = passwords.slot().await.unwrap();
        let work = slot.compute(move |_| {
            let _ended = wait.recv();
            Ok(())
        });
        // Polled once, so that the work began; then dropped.
        assert!(futures::FutureExt::now_or_never(work).is_none());
        drop(slot);
        assert_eq!(passwords.permits.available_permits(), 0);
        go.send(()).unwrap();
        assert!(passwords.slot().await.is_ok());
    }
}
