//! When the CRM is asked (fiches.md 4.3).

use super::cached::{CachedFiche, MailState, RowState};
use std::time::Duration;

/// Refreshes asked for within this time after a fetch get its result.
pub const COALESCE: Duration = Duration::from_secs(10);

/// Why `fiche/fetch` asks the CRM.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FetchReason {
    /// Nothing is known.
    NoCache,
    /// Details or marker have expired.
    Expired,
    /// The command wants it, and the last fetch is long enough ago.
    Forced,
    /// Only a list showed it.
    SalesListOnly,
    /// The CRM spoke of recordings that are not there.
    MissingRecordings,
    /// A recording has no address.
    MissingUrl,
    /// Details are not complete.
    Incomplete,
}

impl FetchReason {
    /// Its name in logs and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoCache => "no_cache",
            Self::Expired => "cache_expired",
            Self::Forced => "force_refresh",
            Self::SalesListOnly => "sales_list_only",
            Self::MissingRecordings => "recordings_missing_rows",
            Self::MissingUrl => "recordings_missing_url",
            Self::Incomplete => "cache_incomplete",
        }
    }
}

/// What `fiche/fetch` does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FetchDecision {
    /// The cache is the answer.
    UseCache,
    /// The CRM said a short while ago that there is no such fiche.
    Absent,
    /// Ask.
    Fetch(FetchReason),
}

/// Decides for `fiche/fetch`; the first rule that fits counts.
pub fn for_fetch(row: Option<&CachedFiche>, force: bool, cooldown: Duration) -> FetchDecision {
    let Some(row) = row else {
        return FetchDecision::Fetch(FetchReason::NoCache);
    };
    let forced = force && !row.is_younger_than(cooldown);
    if row.state == RowState::NotFound && !row.expired && !forced {
        return FetchDecision::Absent;
    }
    let reason = if row.expired {
        FetchReason::Expired
    } else if forced {
        FetchReason::Forced
    } else if row.state == RowState::SalesList {
        FetchReason::SalesListOnly
    } else if row.expects_recordings && row.recordings == 0 {
        FetchReason::MissingRecordings
    } else if row.blank_urls > 0 {
        FetchReason::MissingUrl
    } else if row.state != RowState::Full {
        FetchReason::Incomplete
    } else {
        return FetchDecision::UseCache;
    };
    FetchDecision::Fetch(reason)
}

/// What a person asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wish {
    /// Newer than what is cached.
    pub refresh: bool,
    /// With the quotation mail.
    pub mail_devis: bool,
}

/// What reading a fiche does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadDecision {
    /// The cache is the answer.
    Serve,
    /// There is no such fiche.
    Absent,
    /// Ask.
    Fetch {
        /// Whether the cache answers when the CRM does not.
        fallback: bool,
    },
}

/// Decides for a reader.
pub fn for_read(row: Option<&CachedFiche>, wish: Wish) -> ReadDecision {
    let strict = ReadDecision::Fetch { fallback: false };
    let Some(row) = row else {
        return strict;
    };
    let lacks_mail = wish.mail_devis && row.mail == MailState::Unknown;
    match row.state {
        RowState::SalesList => strict,
        RowState::NotFound if wish.refresh || row.expired => strict,
        RowState::NotFound => ReadDecision::Absent,
        RowState::Full if wish.refresh => {
            if row.is_younger_than(COALESCE) && !lacks_mail {
                ReadDecision::Serve
            } else {
                strict
            }
        }
        RowState::Full if row.expired || lacks_mail => ReadDecision::Fetch { fallback: true },
        RowState::Full => ReadDecision::Serve,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use vigie_events::ids::FicheCacheId;

    const COOLDOWN: Duration = Duration::from_mins(30);

    fn full() -> CachedFiche {
        CachedFiche {
            id: FicheCacheId::new(1),
            version: 1,
            state: RowState::Full,
            groupe: Some("EQUIPE NORD".into()),
            attribution_user_id: None,
            expired: false,
            age: Some(Duration::from_hours(2)),
            expects_recordings: true,
            recordings: 2,
            blank_urls: 0,
            mail: MailState::Unknown,
        }
    }

    fn with(change: impl FnOnce(&mut CachedFiche)) -> CachedFiche {
        let mut row = full();
        change(&mut row);
        row
    }

    const RECENT: Option<Duration> = Some(Duration::from_mins(1));

    #[rstest]
    #[case(full(), false, FetchDecision::UseCache)]
    #[case(full(), true, FetchDecision::Fetch(FetchReason::Forced))]
    #[case(with(|it| it.age = RECENT), true, FetchDecision::UseCache)]
    #[case(with(|it| it.expired = true), false, FetchDecision::Fetch(FetchReason::Expired))]
    #[case(with(|it| it.recordings = 0), false, FetchDecision::Fetch(FetchReason::MissingRecordings))]
    // The cooldown blocks the force only, never what heals the row.
    #[case(with(|it| { it.age = RECENT; it.blank_urls = 1 }), true, FetchDecision::Fetch(FetchReason::MissingUrl))]
    #[case(with(|it| { it.expects_recordings = false; it.recordings = 0 }), false, FetchDecision::UseCache)]
    #[case(with(|it| { it.state = RowState::SalesList; it.age = None }), false, FetchDecision::Fetch(FetchReason::SalesListOnly))]
    #[case(with(|it| { it.state = RowState::NotFound; it.age = RECENT }), true, FetchDecision::Absent)]
    #[case(with(|it| it.state = RowState::NotFound), false, FetchDecision::Absent)]
    #[case(with(|it| it.state = RowState::NotFound), true, FetchDecision::Fetch(FetchReason::Forced))]
    #[case(with(|it| { it.state = RowState::NotFound; it.expired = true }), false, FetchDecision::Fetch(FetchReason::Expired))]
    fn commands_follow_the_table(
        #[case] row: CachedFiche,
        #[case] force: bool,
        #[case] decision: FetchDecision,
    ) {
        assert_eq!(for_fetch(Some(&row), force, COOLDOWN), decision);
    }

    #[test]
    fn without_cooldown_every_force_counts() {
        let row = with(|it| it.age = Some(Duration::ZERO));
        let decision = for_fetch(Some(&row), true, Duration::ZERO);
        assert_eq!(decision, FetchDecision::Fetch(FetchReason::Forced));
        assert_eq!(
            for_fetch(None, false, COOLDOWN),
            FetchDecision::Fetch(FetchReason::NoCache)
        );
    }

    const STRICT: ReadDecision = ReadDecision::Fetch { fallback: false };
    const LENIENT: ReadDecision = ReadDecision::Fetch { fallback: true };

    #[rstest]
    #[case(full(), false, false, ReadDecision::Serve)]
    #[case(full(), true, false, STRICT)]
    #[case(with(|it| it.age = Some(Duration::from_secs(3))), true, false, ReadDecision::Serve)]
    #[case(with(|it| it.age = Some(Duration::from_secs(3))), true, true, STRICT)]
    #[case(full(), false, true, LENIENT)]
    #[case(with(|it| it.mail = MailState::None), false, true, ReadDecision::Serve)]
    #[case(with(|it| it.expired = true), false, false, LENIENT)]
    #[case(with(|it| it.state = RowState::SalesList), false, false, STRICT)]
    #[case(with(|it| it.state = RowState::NotFound), false, false, ReadDecision::Absent)]
    #[case(with(|it| it.state = RowState::NotFound), true, false, STRICT)]
    #[case(with(|it| { it.state = RowState::NotFound; it.expired = true }), false, false, STRICT)]
    fn readers_follow_the_table(
        #[case] row: CachedFiche,
        #[case] refresh: bool,
        #[case] mail_devis: bool,
        #[case] decision: ReadDecision,
    ) {
        assert_eq!(
            for_read(
                Some(&row),
                Wish {
                    refresh,
                    mail_devis
                }
            ),
            decision
        );
    }
}
