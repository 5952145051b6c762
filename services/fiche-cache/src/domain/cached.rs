//! What the cache knows about a fiche when it decides whether to ask the CRM.

use std::time::Duration;
use vigie_events::ids::FicheCacheId;
use vigie_identity::FicheScope;

/// State of a row (fiches.md 4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum RowState {
    /// Seen in a sales list only.
    SalesList,
    /// Details are cached.
    Full,
    /// The CRM said that there is no such fiche.
    NotFound,
}

/// What is known about the quotation mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum MailState {
    /// Never asked for.
    Unknown,
    /// Asked for; there is none.
    None,
    /// Stored.
    Present,
}

/// A row of the cache, by the database's clock.
#[derive(Debug, Clone, PartialEq)]
pub struct CachedFiche {
    /// The row.
    pub id: FicheCacheId,
    /// Its version.
    pub version: i64,
    /// Its state.
    pub state: RowState,
    /// Canonical groupe.
    pub groupe: Option<String>,
    /// The seller.
    pub attribution_user_id: Option<String>,
    /// Whether its content has outlived itself: details, or the marker.
    pub expired: bool,
    /// Time since the CRM last told about it: details, or the 404.
    pub age: Option<Duration>,
    /// Recordings it should have, by the CRM's last word.
    pub expects_recordings: bool,
    /// Recordings it has.
    pub recordings: i64,
    /// Those without an address.
    pub blank_urls: i64,
    /// The quotation mail.
    pub mail: MailState,
}

impl CachedFiche {
    /// Whether full details are there.
    pub fn is_full(&self) -> bool {
        self.state == RowState::Full
    }

    /// Whether content was taken from the CRM less than `span` ago and still counts.
    pub fn is_younger_than(&self, span: Duration) -> bool {
        !self.expired && self.age.is_some_and(|age| age < span)
    }

    /// Whether groupe or attribution are known, so that scope can be decided.
    pub fn has_owner(&self) -> bool {
        self.groupe.is_some() || self.attribution_user_id.is_some()
    }

    /// Whether the caller may see it.
    pub fn is_in(&self, scope: &FicheScope) -> bool {
        scope.allows(self.groupe.as_deref(), self.attribution_user_id.as_deref())
    }
}
