//! Which steps of an audit are on their way: without a limit all of them, else the first
//! `stored + limit` positions. The window is a function of what is stored, so no state records it.

use std::num::NonZeroUsize;

/// Steps outstanding where there is a budget and no window is configured.
const BUDGETED: NonZeroUsize = NonZeroUsize::MIN.saturating_add(1);

/// `AUDIT_STEP_PER_AUDIT_CONCURRENCY`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StepWindow(Option<NonZeroUsize>);

impl StepWindow {
    /// At most so many steps outstanding; `None` sends all at once.
    pub const fn new(limit: Option<NonZeroUsize>) -> Self {
        Self(limit)
    }

    /// The window under a budget of tokens, 0 being none: where all steps are sent at once there is
    /// nothing left to save when it is spent, so a budget brings a small window.
    #[must_use]
    pub fn within_budget(self, max_tokens: i64) -> Self {
        if max_tokens > 0 {
            Self(self.0.or(Some(BUDGETED)))
        } else {
            self
        }
    }

    /// How many of the ordered positions have been sent once `stored` results are in.
    pub fn sent(self, total: usize, stored: usize) -> usize {
        self.0
            .map_or(total, |limit| total.min(stored.saturating_add(limit.get())))
    }

    /// The positions to send when the number of results rises from `before` to `after`.
    pub fn next(self, positions: &[i32], before: usize, after: usize) -> &[i32] {
        let (from, to) = (
            self.sent(positions.len(), before),
            self.sent(positions.len(), after),
        );
        positions.get(from..to).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_limit_everything_is_sent_at_the_start() {
        let all = StepWindow::default();
        assert_eq!(all.sent(18, 0), 18);
        assert!(all.next(&[1, 2, 3], 0, 2).is_empty());
    }

    #[test]
    fn a_budget_brings_a_window_where_there_is_none() {
        assert_eq!(StepWindow::default().within_budget(0).sent(18, 0), 18);
        assert_eq!(StepWindow::default().within_budget(1).sent(18, 0), 2);
        let own = StepWindow::new(NonZeroUsize::new(5));
        assert_eq!(own.within_budget(1), own);
    }

    #[test]
    fn with_a_limit_each_position_is_sent_once() {
        let window = StepWindow::new(NonZeroUsize::new(2));
        let positions = [1, 2, 4, 7, 9];
        assert_eq!(window.sent(5, 0), 2);
        assert_eq!(window.next(&positions, 0, 1), [4]);
        assert_eq!(window.next(&positions, 1, 3), [7, 9]);
        assert!(window.next(&positions, 3, 5).is_empty());
    }
}
