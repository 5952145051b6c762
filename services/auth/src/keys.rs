//! The signing keys in use. Postgres is the truth: every replica reads the table again each minute,
//! answers from what it read, and which key signs follows from the clock alone.

use crate::domain::sealed::SealingKeys;
use crate::store::keys::{self, NewKey, StoredKey};
use anyhow::Context;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use secrecy::ExposeSecret;
use sqlx::{PgConnection, PgPool};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use vigie_identity::tokens::{
    INTERNAL_MAX_SECONDS, Jwk, Jwks, LEEWAY_SECONDS, Realm, Signer, SigningKey,
};

/// What sealed signing keys are bound to.
const KEY_CONTEXT: &str = "signing-key";

/// From a key's publication to its first signature: verifiers read the keys again every five
/// minutes, replicas of auth every minute.
const AHEAD: Duration = Duration::from_mins(7);

/// How long after the change of keys a replica that reads late may still sign with the old one.
const LATE_SECONDS: i64 = 180;

/// A key in use.
#[derive(Clone)]
struct Key {
    kid: String,
    signer: Arc<Signer>,
    jwk: Jwk,
    not_before: DateTime<Utc>,
    retired_at: Option<DateTime<Utc>>,
}

/// The keys of one reading: never none.
#[derive(Clone)]
struct Ring {
    first: Key,
    /// Those that sign later, in their order.
    later: Vec<Key>,
}

impl Ring {
    fn all(&self) -> impl DoubleEndedIterator<Item = &Key> {
        std::iter::once(&self.first).chain(&self.later)
    }
}

/// The keys of this replica.
pub struct Keys {
    pool: PgPool,
    sealing: Arc<SealingKeys>,
    realm: Realm,
    overlap: Duration,
    ring: RwLock<Ring>,
}

impl Keys {
    /// Reads the keys; the first start of an installation makes one. `access_seconds` is the life
    /// of an access token.
    pub async fn load(
        pool: PgPool,
        sealing: Arc<SealingKeys>,
        realm: Realm,
        access_seconds: i64,
    ) -> anyhow::Result<Self> {
        let mut tx = pool.begin().await?;
        let mut stored = keys::live(&mut tx).await?;
        if stored.is_empty() {
            keys::lock(&mut tx).await?;
            let key = generate(&sealing)?;
            if keys::insert_first(&mut tx, &key).await? {
                tracing::info!(key.id = key.kid, "signing key generated");
            }
            stored = keys::live(&mut tx).await?;
        }
        tx.commit().await?;
        let ring = ring(&stored, None, &sealing, &realm)?;
        let life = access_seconds.max(INTERNAL_MAX_SECONDS) + LEEWAY_SECONDS + LATE_SECONDS;
        Ok(Self {
            pool,
            sealing,
            realm,
            overlap: Duration::from_secs(life.unsigned_abs()),
            ring: RwLock::new(ring),
        })
    }

    /// Reads the table again.
    pub async fn reload(&self) -> anyhow::Result<()> {
        let stored = keys::live(&mut *self.pool.acquire().await?).await?;
        let ring = ring(&stored, Some(&self.current()), &self.sealing, &self.realm)?;
        *self.ring.write().unwrap_or_else(PoisonError::into_inner) = ring;
        Ok(())
    }

    /// Signs with the newest key whose time has come.
    pub fn signer(&self, now: DateTime<Utc>) -> Arc<Signer> {
        let ring = self.current();
        let due = ring.all().rev().find(|key| key.not_before <= now);
        // None is due only when our clock is behind the database's.
        Arc::clone(&due.unwrap_or(&ring.first).signer)
    }

    /// Every key that tokens may be signed with, now or soon.
    pub fn published(&self, now: DateTime<Utc>) -> Jwks {
        let ring = self.current();
        let live = ring
            .all()
            .filter(|key| key.retired_at.is_none_or(|end| end > now));
        Jwks {
            keys: live.map(|key| key.jwk.clone()).collect(),
        }
    }

    /// Makes the next key, in the caller's transaction. `None` while the last one does not sign
    /// yet; else its id and all keys, oldest first.
    pub async fn rotate(
        &self,
        conn: &mut PgConnection,
    ) -> anyhow::Result<Option<(String, Vec<StoredKey>)>> {
        let key = generate(&self.sealing)?;
        keys::lock(conn).await?;
        let (ahead, overlap) = (AHEAD.as_secs_f64(), self.overlap.as_secs_f64());
        if !keys::insert_next(conn, &key, ahead, overlap).await? {
            return Ok(None);
        }
        Ok(Some((key.kid, keys::live(conn).await?)))
    }

    fn current(&self) -> Ring {
        let ring = self.ring.read().unwrap_or_else(PoisonError::into_inner);
        ring.clone()
    }
}

fn generate(sealing: &SealingKeys) -> anyhow::Result<NewKey> {
    let key = SigningKey::generate()?;
    Ok(NewKey {
        kid: key.kid().to_owned(),
        public_key: URL_SAFE_NO_PAD.decode(&key.jwk().x)?,
        private_key: sealing.seal(KEY_CONTEXT, key.pkcs8().expose_secret())?,
    })
}

/// Opens what is stored; keys that are open already are taken over.
fn ring(
    stored: &[StoredKey],
    before: Option<&Ring>,
    sealing: &SealingKeys,
    realm: &Realm,
) -> anyhow::Result<Ring> {
    let open = |row: &StoredKey| {
        let known = before.and_then(|ring| ring.all().find(|key| key.kid == row.kid));
        let (signer, jwk) = if let Some(key) = known {
            (Arc::clone(&key.signer), key.jwk.clone())
        } else {
            let der = sealing.open(KEY_CONTEXT, &row.private_key)?;
            let key = SigningKey::from_pkcs8(&row.kid, &der)?;
            (Arc::new(Signer::new(realm.clone(), &key)), key.jwk())
        };
        anyhow::Ok(Key {
            kid: row.kid.clone(),
            signer,
            jwk,
            not_before: row.not_before,
            retired_at: row.retired_at,
        })
    };
    let mut keys = stored.iter().map(open);
    let first = keys.next().context("no signing key")??;
    let later = keys.collect::<Result<_, _>>()?;
    Ok(Ring { first, later })
}
