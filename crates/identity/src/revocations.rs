use crate::tokens::{ACCESS_MAX_SECONDS, LEEWAY_SECONDS};
use crate::{Clock, Principal};
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};
use vigie_events::auth::PrincipalChanged;
use vigie_events::ids::UserId;

/// Between two searches for what may be forgotten.
const SWEEP: TimeDelta = TimeDelta::minutes(1);

/// Which tokens ended before their time: the smallest version of a user that still counts, and the
/// sessions that are over. Asked on each request, so it lives in memory; who fills it is the service.
///
/// An entry is kept as long as a token that it concerns could live.
#[derive(Debug)]
pub struct Revocations {
    clock: Clock,
    known: RwLock<Known>,
}

#[derive(Debug, Default)]
struct Known {
    users: HashMap<UserId, Since<i64>>,
    sessions: HashMap<String, Since<()>>,
    swept_at: Option<DateTime<Utc>>,
}

/// What is known, and since when.
#[derive(Debug, Clone, Copy)]
struct Since<T> {
    what: T,
    heard_at: DateTime<Utc>,
}

impl Revocations {
    /// Nothing is revoked yet.
    pub fn new(clock: Clock) -> Self {
        Self {
            clock,
            known: RwLock::default(),
        }
    }

    /// How far back a change can matter to a token that is still alive.
    pub const fn horizon() -> TimeDelta {
        TimeDelta::seconds(ACCESS_MAX_SECONDS + 2 * LEEWAY_SECONDS)
    }

    /// Takes a change in. Any order, any number of times.
    pub fn note(&self, change: &PrincipalChanged) {
        let heard_at = self.clock.now();
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(sid) = &change.sid {
            let entry = Since { what: (), heard_at };
            known.sessions.insert(sid.clone(), entry);
        } else {
            let newest = known.users.get(&change.user_id).map(|user| user.what);
            let entry = Since {
                what: newest.map_or(change.version, |known| known.max(change.version)),
                heard_at,
            };
            known.users.insert(change.user_id, entry);
        }
        known.sweep(heard_at);
    }

    /// Whether this credential was taken back.
    pub fn ended(&self, principal: &Principal) -> bool {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let outdated = principal
            .user_id()
            .and_then(|id| known.users.get(&id))
            .is_some_and(|user| principal.version < user.what);
        let over = principal
            .session
            .as_ref()
            .is_some_and(|sid| known.sessions.contains_key(sid));
        outdated || over
    }

    /// How many users and sessions are remembered.
    pub fn len(&self) -> usize {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.users.len() + known.sessions.len()
    }

    /// Whether nothing is remembered.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Known {
    fn sweep(&mut self, now: DateTime<Utc>) {
        if self.swept_at.is_some_and(|at| now - at < SWEEP) {
            return;
        }
        self.swept_at = Some(now);
        let kept = |heard_at: DateTime<Utc>| now - heard_at <= Revocations::horizon();
        self.users.retain(|_, user| kept(user.heard_at));
        self.sessions.retain(|_, session| kept(session.heard_at));
    }
}
