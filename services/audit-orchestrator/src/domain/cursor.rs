//! Keyset paging (`audits.md` 6.2): a place in the order of a list, opaque to callers.

use crate::domain::filters::SortBy;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// What the sort column holds at a place. Nulls come last in either direction.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SortKey {
    /// `created_at`, `completed_at`.
    Time(Option<DateTime<Utc>>),
    /// `score_percentage`.
    Score(f64),
    /// `duration_ms`.
    Millis(Option<i64>),
}

/// The place after one audit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cursor {
    sort_by: SortBy,
    ascending: bool,
    /// Its value in the sort column.
    pub key: SortKey,
    /// Its id, the final sort key.
    pub id: i64,
}

impl Cursor {
    /// The place after an audit in a list of this order.
    pub const fn new(sort_by: SortBy, ascending: bool, key: SortKey, id: i64) -> Self {
        Self {
            sort_by,
            ascending,
            key,
            id,
        }
    }

    /// As callers get it.
    pub fn encode(&self) -> serde_json::Result<String> {
        serde_json::to_vec(self).map(hex::encode)
    }

    /// As callers give it back, in a list of the same order.
    pub fn decode(text: &str, sort_by: SortBy, ascending: bool) -> Option<Self> {
        let cursor: Self = serde_json::from_slice(&hex::decode(text).ok()?).ok()?;
        let column = matches!(
            (sort_by, cursor.key),
            (SortBy::CreatedAt | SortBy::CompletedAt, SortKey::Time(_))
                | (SortBy::ScorePercentage, SortKey::Score(_))
                | (SortBy::DurationMs, SortKey::Millis(_))
        );
        let same = cursor.sort_by == sort_by && cursor.ascending == ascending;
        (column && same).then_some(cursor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_good_for_its_own_order_only() {
        let key = SortKey::Millis(None);
        let cursor = Cursor::new(SortBy::DurationMs, true, key, 7);
        let text = cursor.encode().unwrap();
        assert_eq!(
            Cursor::decode(&text, SortBy::DurationMs, true),
            Some(cursor)
        );
        assert_eq!(Cursor::decode(&text, SortBy::DurationMs, false), None);
        assert_eq!(Cursor::decode(&text, SortBy::CreatedAt, true), None);
        let forged = Cursor::new(SortBy::CreatedAt, true, key, 7);
        let forged = forged.encode().unwrap();
        assert_eq!(Cursor::decode(&forged, SortBy::CreatedAt, true), None);
    }
}
