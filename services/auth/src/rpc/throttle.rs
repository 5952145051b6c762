//! Back-off of those who try too often (identity.md W5). Looked up before a credential is checked,
//! counted after it failed.

use crate::app::AppState;
use crate::domain::attempts::{self, Limit};
use crate::store;
use crate::store::trail::{self, Actor, Entry, Target};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;
use sha2::{Digest, Sha256};
use std::net::{IpAddr, Ipv6Addr};
use vigie_service::grpc::Origin;
use vigie_service::{ErrorCode, Extras, RETRY_AFTER_SECONDS};

/// Tried too often.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Too many attempts, try again later")]
pub struct Limited {
    seconds: i64,
}

impl Limited {
    /// Its class.
    pub const CODE: ErrorCode = ErrorCode::RateLimited;
    /// More come at once than can be looked at.
    pub const BUSY: Self = Self { seconds: 2 };

    /// When to come back, for `Retry-After`.
    pub fn extras(self) -> Extras {
        Extras::from_iter([(RETRY_AFTER_SECONDS.to_owned(), self.seconds.into())])
    }
}

/// What stops an attempt before it is made.
#[derive(Debug, thiserror::Error)]
pub enum ThrottleError {
    /// Tried too often.
    #[error(transparent)]
    Limited(#[from] Limited),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] sqlx::Error),
}

/// Who tries what.
#[derive(Debug, Clone)]
pub struct Attempt {
    subjects: Vec<(Limit, String)>,
    email: Option<String>,
    origin: Origin,
}

impl Attempt {
    /// A password for this login, from there.
    pub fn password(email: &str, origin: &Origin) -> Self {
        let mut subjects = vec![(attempts::ACCOUNT, hashed(email))];
        subjects.extend(origin.address.map(|ip| (attempts::LOGIN, network(ip))));
        Self {
            subjects,
            email: Some(email.to_owned()),
            origin: origin.clone(),
        }
    }

    /// An invite or reset link, from there.
    pub fn link(origin: &Origin) -> Self {
        Self::from_address(attempts::LINK, origin)
    }

    /// A refresh, from there.
    pub fn refresh(origin: &Origin) -> Self {
        Self::from_address(attempts::REFRESH, origin)
    }

    fn from_address(limit: Limit, origin: &Origin) -> Self {
        let subject = origin.address.map(|ip| (limit, network(ip)));
        Self {
            subjects: subject.into_iter().collect(),
            email: None,
            origin: origin.clone(),
        }
    }

    /// Refuses when one of the subjects is blocked.
    pub async fn admit(&self, state: &AppState) -> Result<(), ThrottleError> {
        let kinds: Vec<String> = self.subjects.iter().map(|(l, _)| l.kind.into()).collect();
        let subjects: Vec<String> = self.subjects.iter().map(|(_, s)| s.clone()).collect();
        let mut conn = state.pool.acquire().await?;
        let blocked = store::attempts::blocked(&mut conn, &kinds, &subjects).await?;
        let Some((until, now)) = blocked else {
            return Ok(());
        };
        metrics::counter!("vigie_auth_throttled_total").increment(1);
        // Rounded up: whoever waits as long as told is let in.
        let seconds = ((until - now).num_milliseconds() + 999).div_euclid(1000);
        Err(Limited {
            seconds: seconds.max(1),
        }
        .into())
    }

    /// Counts it: a failure, or for a rate any attempt. Stands whatever becomes of the request.
    pub async fn count(&self, state: &AppState) -> sqlx::Result<()> {
        // One order for everybody: the account, then the address.
        for (limit, subject) in &self.subjects {
            let mut tx = state.pool.begin().await?;
            let (mut counted, now) = store::attempts::lock(&mut tx, limit.kind, subject).await?;
            let begins = counted.count(*limit, now);
            store::attempts::save(&mut tx, limit.kind, subject, &counted).await?;
            if begins && limit.backs_off {
                let after = json!({
                    "limit": limit.kind,
                    "blocked_until": counted.blocked_until.map(|until| until.to_rfc3339()),
                });
                let entry = Entry {
                    actor: &Actor::anonymous(),
                    action: "login.blocked",
                    target: self.target(*limit),
                    before: None,
                    after: Some(after),
                    origin: &self.origin,
                };
                trail::append(&mut tx, entry).await?;
            }
            tx.commit().await?;
        }
        Ok(())
    }

    /// Forgets the failures of the account after a success; an address keeps its own.
    pub async fn succeeded(&self, conn: &mut sqlx::PgConnection) -> sqlx::Result<()> {
        for (limit, subject) in &self.subjects {
            if *limit == attempts::ACCOUNT {
                store::attempts::forget(conn, limit.kind, subject).await?;
            }
        }
        Ok(())
    }

    /// A guessed login may be no account of ours: it is named, not looked up.
    fn target(&self, limit: Limit) -> Target {
        let name = if limit == attempts::ACCOUNT {
            self.email.clone()
        } else {
            self.origin.address.map(|address| address.to_string())
        };
        Target {
            kind: if limit == attempts::ACCOUNT {
                "user"
            } else {
                "address"
            },
            id: None,
            name,
        }
    }
}

/// An e-mail that somebody typed is not kept.
fn hashed(email: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(email.as_bytes()))
}

/// An address, or the network that one customer has in IPv6.
fn network(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let network = u128::from(address) >> 64 << 64;
            format!("{}/64", Ipv6Addr::from(network))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::network;

    #[test]
    fn a_customer_has_one_network() {
        let of = |text: &str| network(text.parse().unwrap());
        assert_eq!(of("192.0.2.7"), "192.0.2.7");
        assert_eq!(of("::ffff:192.0.2.7"), "192.0.2.7");
        assert_eq!(of("2001:db8:1:2:3:4:5:6"), of("2001:db8:1:2::9"));
        assert_eq!(of("2001:db8:1:2::9"), "2001:db8:1:2::/64");
    }
}
