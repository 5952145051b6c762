//! The time one operation may take, retries and waits included.

use std::time::Duration;

use tokio::time::Instant;

/// A deadline that is passed down: every attempt and every wait takes from the same budget.
#[derive(Debug, Clone, Copy)]
pub struct Budget {
    deadline: Instant,
}

impl Budget {
    /// Starts a budget now.
    pub fn start(total: Duration) -> Self {
        let now = Instant::now();
        // A budget too long for the clock is as good as a year.
        let year = Duration::from_hours(365 * 24);
        Self {
            deadline: now.checked_add(total).unwrap_or(now + year),
        }
    }

    /// What is left; zero once the deadline has passed.
    pub fn remaining(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// The time limit of one attempt: its own limit, or what is left if that is less.
    pub fn attempt(&self, limit: Duration) -> Duration {
        limit.min(self.remaining())
    }

    /// Whether nothing is left.
    pub fn is_spent(&self) -> bool {
        self.remaining().is_zero()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn attempts_shrink_with_the_budget() {
        let budget = Budget::start(Duration::from_secs(10));
        assert_eq!(
            budget.attempt(Duration::from_secs(4)),
            Duration::from_secs(4)
        );
        tokio::time::advance(Duration::from_secs(8)).await;
        assert_eq!(
            budget.attempt(Duration::from_secs(4)),
            Duration::from_secs(2)
        );
        tokio::time::advance(Duration::from_secs(3)).await;
        assert!(budget.is_spent());
        assert_eq!(budget.attempt(Duration::from_secs(4)), Duration::ZERO);
    }
}
