//! Rules of refresh tokens (identity.md 1.9, W6).

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

/// A second use this soon after the first is a double click.
const DOUBLE_CLICK: TimeDelta = TimeDelta::seconds(10);

/// A user's account status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "user_status", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum UserStatus {
    /// Has not accepted the invite yet.
    Invited,
    /// May log in.
    Active,
    /// May not.
    Disabled,
}

/// What is known of a refresh token that was presented, read while its owner is locked.
#[derive(Debug, Clone)]
pub struct PresentedToken {
    /// Row.
    pub id: i64,
    /// Whose.
    pub user_id: i64,
    /// Token version of the user.
    pub user_version: i64,
    /// Which session.
    pub family_id: Uuid,
    /// When the session ends for good.
    pub family_expires_at: DateTime<Utc>,
    /// When it was rotated or logged out.
    pub revoked_at: Option<DateTime<Utc>>,
    /// Whether it has a successor and that successor was never used.
    pub successor_unused: bool,
    /// End of its own life.
    pub expires_at: DateTime<Utc>,
    /// Status of its user.
    pub status: UserStatus,
}

/// What a presented refresh token leads to. The order of the refusals is the contract's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// It gets a successor.
    Rotate,
    /// Used before, moments ago: refused, the session lives.
    DoubleClick,
    /// Used before: theft. Refused, and the session ends.
    Reused,
    /// Too old.
    Expired,
    /// The user may not log in any more.
    UserDisabled,
}

impl PresentedToken {
    /// Decides; `now` is the database's clock.
    pub fn decide(&self, now: DateTime<Utc>) -> Decision {
        match self.revoked_at {
            Some(at) if self.successor_unused && now - at <= DOUBLE_CLICK => Decision::DoubleClick,
            Some(_) => Decision::Reused,
            None if self.expires_at <= now || self.family_expires_at <= now => Decision::Expired,
            None if self.status != UserStatus::Active => Decision::UserDisabled,
            None => Decision::Rotate,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(now: DateTime<Utc>) -> PresentedToken {
        PresentedToken {
            id: 1,
            user_id: 1,
            user_version: 1,
            family_id: Uuid::nil(),
            family_expires_at: now + TimeDelta::days(90),
            revoked_at: None,
            successor_unused: false,
            expires_at: now + TimeDelta::days(30),
            status: UserStatus::Active,
        }
    }

    #[test]
    fn a_live_token_rotates() {
        let now = DateTime::UNIX_EPOCH;
        assert_eq!(token(now).decide(now), Decision::Rotate);
    }

    #[test]
    fn reuse_is_theft_unless_it_is_a_double_click() {
        let now = DateTime::UNIX_EPOCH;
        let used = |seconds, successor_unused| PresentedToken {
            revoked_at: Some(now - TimeDelta::seconds(seconds)),
            successor_unused,
            ..token(now)
        };
        assert_eq!(used(10, true).decide(now), Decision::DoubleClick);
        assert_eq!(used(11, true).decide(now), Decision::Reused);
        assert_eq!(used(1, false).decide(now), Decision::Reused);
    }

    #[test]
    fn neither_the_token_nor_its_session_outlives_its_end() {
        let now = DateTime::UNIX_EPOCH;
        let old = PresentedToken {
            expires_at: now,
            ..token(now)
        };
        let capped = PresentedToken {
            family_expires_at: now,
            ..token(now)
        };
        let disabled = PresentedToken {
            status: UserStatus::Disabled,
            ..token(now)
        };
        assert_eq!(old.decide(now), Decision::Expired);
        assert_eq!(capped.decide(now), Decision::Expired);
        assert_eq!(disabled.decide(now), Decision::UserDisabled);
    }
}
