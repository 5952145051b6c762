//! How often a credential may be tried (identity.md W5). Counted in Postgres, decided here.

use chrono::{DateTime, TimeDelta, Utc};

/// Attempts are counted within a minute of the first.
const WINDOW: TimeDelta = TimeDelta::minutes(1);
/// The first block; each further one lasts twice as long.
const FIRST_BLOCK: TimeDelta = TimeDelta::minutes(1);
/// No block is longer, and after as long without one the next is short again.
const LONGEST_BLOCK: TimeDelta = TimeDelta::minutes(15);

/// What is counted, and how much of it is allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// Its name in the table.
    pub kind: &'static str,
    /// So many within a minute; the next one waits.
    pub most: i32,
    /// Whether blocks grow; else one lasts until the minute is over.
    pub backs_off: bool,
}

/// Failed passwords of one account.
pub const ACCOUNT: Limit = Limit {
    kind: "login.account",
    most: 5,
    backs_off: true,
};
/// Failed logins from one address.
pub const LOGIN: Limit = Limit {
    kind: "login.address",
    most: 20,
    backs_off: true,
};
/// Failed invites and reset links from one address.
pub const LINK: Limit = Limit {
    kind: "link.address",
    most: 20,
    backs_off: true,
};
/// Refreshes from one address, also good ones.
pub const REFRESH: Limit = Limit {
    kind: "refresh.address",
    most: 60,
    backs_off: false,
};

/// What was counted of one subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempts {
    /// The first attempt of this minute.
    pub window_start: DateTime<Utc>,
    /// Attempts since then.
    pub counted: i32,
    /// Blocks in a row.
    pub blocks: i32,
    /// End of the last block.
    pub blocked_until: Option<DateTime<Utc>>,
}

impl Attempts {
    /// Counts one more. Returns whether a block begins. What was under way when the block began
    /// counts no further.
    pub fn count(&mut self, limit: Limit, now: DateTime<Utc>) -> bool {
        if let Some(end) = self.blocked_until {
            if end > now {
                return false;
            }
            if now - end >= LONGEST_BLOCK {
                self.blocks = 0;
                self.blocked_until = None;
            }
        }
        if now - self.window_start >= WINDOW {
            self.window_start = now;
            self.counted = 0;
        }
        self.counted += 1;
        if self.counted < limit.most {
            return false;
        }
        let end = if limit.backs_off {
            let doubled = FIRST_BLOCK * (1 << self.blocks.clamp(0, 4));
            now + doubled.min(LONGEST_BLOCK)
        } else {
            self.window_start + WINDOW
        };
        self.blocked_until = Some(end);
        self.blocks = self.blocks.saturating_add(1);
        self.counted = 0;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn fresh(now: DateTime<Utc>) -> Attempts {
        Attempts {
            window_start: now,
            counted: 0,
            blocks: 0,
            blocked_until: None,
        }
    }

    /// Fails until a block begins; returns its length.
    fn block(attempts: &mut Attempts, now: DateTime<Utc>) -> TimeDelta {
        while !attempts.count(ACCOUNT, now) {}
        attempts.blocked_until.unwrap() - now
    }

    #[test]
    fn blocks_double_to_a_quarter_of_an_hour() {
        let mut now = DateTime::UNIX_EPOCH;
        let mut attempts = fresh(now);
        for minutes in [1, 2, 4, 8, 15, 15] {
            let length = block(&mut attempts, now);
            assert_eq!(length, TimeDelta::minutes(minutes));
            now += length;
        }
        now += LONGEST_BLOCK;
        assert_eq!(block(&mut attempts, now), FIRST_BLOCK);
    }

    #[test]
    fn slow_failures_never_block() {
        let mut now = DateTime::UNIX_EPOCH;
        let mut attempts = fresh(now);
        for _ in 0..100 {
            assert!(!attempts.count(ACCOUNT, now));
            now += TimeDelta::seconds(16);
        }
    }

    #[test]
    fn a_rate_waits_for_the_end_of_its_minute() {
        let start = DateTime::UNIX_EPOCH;
        let mut attempts = fresh(start);
        let now = start + TimeDelta::seconds(20);
        let begun = (0..REFRESH.most).filter(|_| attempts.count(REFRESH, now));
        assert_eq!(begun.count(), 1);
        assert_eq!(attempts.blocked_until, Some(start + WINDOW));
    }

    proptest! {
        #[test]
        fn no_minute_has_more_than_the_limit(pauses in prop::collection::vec(0_i64..30, 1..200)) {
            let mut now = DateTime::UNIX_EPOCH;
            let mut attempts = fresh(now);
            let mut admitted: Vec<DateTime<Utc>> = Vec::new();
            for pause in pauses {
                now += TimeDelta::seconds(pause);
                if attempts.blocked_until.is_none_or(|end| end <= now) {
                    attempts.count(ACCOUNT, now);
                    admitted.push(now);
                }
            }
            // Two windows may touch: never twice the limit within one minute.
            for (index, first) in admitted.iter().enumerate() {
                let within = admitted[index..].iter().filter(|at| **at - *first < WINDOW).count();
                prop_assert!(within < 2 * 5, "{within}");
            }
        }
    }
}
