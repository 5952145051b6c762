//! Messages about fiches (`events-and-config.md` D1, D6).

use crate::ids::{AuditId, AutomationRunId, FicheCacheId, FicheId};
use crate::{Event, Kind, Lane, Message, MessageId};
use chrono::{DateTime, NaiveDate, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// `fiche/fetch`: have the fiche's full details in the cache.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct FicheFetch {
    /// The fiche wanted.
    pub fiche_id: FicheId,
    /// Ask the CRM although the cache is valid; honoured under a cooldown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub force_refresh: Option<bool>,
    /// Who asked, for information.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// The automation run that asked; comes back in the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub automation_run_id: Option<AutomationRunId>,
}

impl FicheFetch {
    fn forced(fiche_id: FicheId, automation_run_id: Option<AutomationRunId>) -> Self {
        Self {
            fiche_id,
            force_refresh: Some(true),
            user_id: None,
            automation_run_id,
        }
    }

    /// Asked by an audit: `audit-<auditDbId>-fetch`.
    pub fn for_audit(audit: AuditId, fiche: FicheId, lane: Lane) -> Message<Self> {
        let id = MessageId::new(format!("audit-{audit}-fetch"));
        Message::in_lane(id, lane, Self::forced(fiche, None))
    }

    /// Asked by a transcription run: `transcription-<run_id>-fetch`.
    pub fn for_transcription(run: Uuid, fiche: FicheId, lane: Lane) -> Message<Self> {
        let id = MessageId::new(format!("transcription-{run}-fetch"));
        Message::in_lane(id, lane, Self::forced(fiche, None))
    }

    /// Asked by an automation run: `automation-<runId>-fetch-<ficheId>`, `-retry-<n>` from the
    /// first retry on.
    pub fn for_automation(run: AutomationRunId, fiche: FicheId, retry: u32) -> Message<Self> {
        let id = MessageId::new(format!("automation-{run}-fetch-{fiche}")).retry(retry);
        Message::in_lane(id, Lane::Bulk, Self::forced(fiche, Some(run)))
    }

    /// Asked because a sales list showed a sale for the first time: `sale-<ficheId>-fetch`. Only
    /// details say whose sale it is.
    pub fn for_new_sale(fiche: FicheId) -> Message<Self> {
        let id = MessageId::new(format!("sale-{fiche}-fetch"));
        let body = Self {
            force_refresh: Some(false),
            ..Self::forced(fiche, None)
        };
        Message::in_lane(id, Lane::Bulk, body)
    }
}

impl Event for FicheFetch {
    const NAME: &'static str = "fiche/fetch";
    const KIND: Kind = Kind::LanedCommand;
    const ABOUT: &'static str = "Have a fiche's full details in the cache.";

    fn entity(&self) -> Vec<String> {
        vec![self.fiche_id.to_string()]
    }
}

/// What other services keep of a fiche to list and scope by. Names, e-mail and phone are read
/// over gRPC and never travel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FicheSummary {
    /// Row version; grows with each write. Older versions are ignored by their readers.
    pub version: i64,
    /// The canonical groupe of `identity.md` 1.6.
    pub groupe: Option<String>,
    /// Agency.
    pub agence_nom: Option<String>,
    /// The CRM user the fiche is attributed to.
    pub attribution_user_id: Option<String>,
    /// Day of the sale.
    pub sales_date: Option<NaiveDate>,
    /// Whether the fiche has recordings.
    pub has_recordings: bool,
    /// How many.
    pub recordings_count: Option<i32>,
    /// When the details were fetched.
    pub fetched_at: Option<DateTime<Utc>>,
    /// When a sales list last showed it.
    pub last_revalidated_at: Option<DateTime<Utc>>,
}

/// `fiche/fetched`: the details are in the cache.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(from = "FetchedOnTheWire", into = "FetchedOnTheWire")]
#[schemars(with = "FetchedOnTheWire")]
pub struct FicheFetched {
    /// The fiche.
    pub fiche_id: FicheId,
    /// Its row in the cache.
    pub cache_id: FicheCacheId,
    /// Rows in the recordings table; on the wire it is the summary's.
    pub recordings_count: i32,
    /// Whether the CRM was not asked, or answered 404 for data that is still valid.
    pub cached: bool,
    /// How long the CRM took.
    pub fetch_duration_ms: Option<i64>,
    /// `ce-id` of the command answered; waiters match on it.
    pub request_id: String,
    /// As in the command.
    pub automation_run_id: Option<AutomationRunId>,
    /// The summary after the fetch.
    pub summary: FicheSummary,
}

/// A [`FicheFetched`] whose `recordings_count` stands once: an object with two keys of one name
/// cannot be read back.
#[derive(Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "FicheFetched")]
struct FetchedOnTheWire {
    /// The fiche.
    fiche_id: FicheId,
    /// Its row in the cache.
    cache_id: FicheCacheId,
    /// Whether the CRM was not asked, or answered 404 for data that is still valid.
    cached: bool,
    /// How long the CRM took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fetch_duration_ms: Option<i64>,
    /// `ce-id` of the command answered; waiters match on it.
    request_id: String,
    /// As in the command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    automation_run_id: Option<AutomationRunId>,
    /// The summary after the fetch.
    #[serde(flatten)]
    summary: FicheSummary,
}

impl From<FetchedOnTheWire> for FicheFetched {
    fn from(wire: FetchedOnTheWire) -> Self {
        Self {
            fiche_id: wire.fiche_id,
            cache_id: wire.cache_id,
            recordings_count: wire.summary.recordings_count.unwrap_or_default(),
            cached: wire.cached,
            fetch_duration_ms: wire.fetch_duration_ms,
            request_id: wire.request_id,
            automation_run_id: wire.automation_run_id,
            summary: wire.summary,
        }
    }
}

impl From<FicheFetched> for FetchedOnTheWire {
    fn from(fetched: FicheFetched) -> Self {
        Self {
            fiche_id: fetched.fiche_id,
            cache_id: fetched.cache_id,
            cached: fetched.cached,
            fetch_duration_ms: fetched.fetch_duration_ms,
            request_id: fetched.request_id,
            automation_run_id: fetched.automation_run_id,
            summary: FicheSummary {
                recordings_count: Some(fetched.recordings_count),
                ..fetched.summary
            },
        }
    }
}

impl FicheFetched {
    /// `fiche-fetched-<id of the request>`.
    pub fn message(self) -> Message<Self> {
        Message::new(
            MessageId::new(format!("fiche-fetched-{}", self.request_id)),
            self,
        )
    }
}

impl Event for FicheFetched {
    const NAME: &'static str = "fiche/fetched";
    const KIND: Kind = Kind::Fact;
    const ABOUT: &'static str = "A fiche's full details are in the cache.";

    fn entity(&self) -> Vec<String> {
        vec![self.fiche_id.to_string()]
    }
}

/// Why a fetch ended without a usable fiche.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FetchFailure {
    /// The CRM does not know it.
    NotFound,
    /// The CRM refused our credentials.
    Auth,
    /// The CRM stayed unavailable.
    Upstream,
    /// The CRM's answer is unusable.
    Invalid,
}

/// `fiche/fetch.failed`: a fetch ended without a usable fiche.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct FicheFetchFailed {
    /// The fiche asked for.
    pub fiche_id: FicheId,
    /// `ce-id` of the command answered.
    pub request_id: String,
    /// Class of the failure.
    pub kind: FetchFailure,
    /// Sanitised text.
    pub error: String,
    /// How often it was tried.
    pub attempts: u32,
    /// As in the command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub automation_run_id: Option<AutomationRunId>,
}

impl FicheFetchFailed {
    /// `fiche-fetch-failed-<id of the request>`.
    pub fn message(self) -> Message<Self> {
        Message::new(
            MessageId::new(format!("fiche-fetch-failed-{}", self.request_id)),
            self,
        )
    }
}

impl Event for FicheFetchFailed {
    const NAME: &'static str = "fiche/fetch.failed";
    const KIND: Kind = Kind::Fact;
    const ABOUT: &'static str = "A fetch ended without a usable fiche.";

    fn entity(&self) -> Vec<String> {
        vec![self.fiche_id.to_string()]
    }
}

/// `fiche/summary.updated`: a write outside `fiche/fetch` changed a summary.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct FicheSummaryUpdated {
    /// The fiche.
    pub fiche_id: FicheId,
    /// Its row in the cache.
    pub cache_id: FicheCacheId,
    /// The new summary.
    #[serde(flatten)]
    pub summary: FicheSummary,
}

impl FicheSummaryUpdated {
    /// `fiche-summary-<ficheId>-v<version>`.
    pub fn message(self) -> Message<Self> {
        let id = format!("fiche-summary-{}-v{}", self.fiche_id, self.summary.version);
        Message::new(MessageId::new(id), self)
    }
}

impl Event for FicheSummaryUpdated {
    const NAME: &'static str = "fiche/summary.updated";
    const KIND: Kind = Kind::Fact;
    const ABOUT: &'static str = "A write outside `fiche/fetch` changed a fiche's summary.";

    fn entity(&self) -> Vec<String> {
        vec![self.fiche_id.to_string()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fetched_fiche_reads_back() {
        let wire = serde_json::json!({
            "fiche_id": "44", "cache_id": "5120", "cached": false, "request_id": "audit-1-fetch",
            "version": 3, "groupe": "Ouest", "agence_nom": null, "attribution_user_id": null,
            "sales_date": "2026-01-05", "has_recordings": true, "recordings_count": 2,
            "fetched_at": null, "last_revalidated_at": null
        });
        let fetched: FicheFetched = serde_json::from_value(wire.clone()).unwrap();
        assert_eq!(fetched.recordings_count, 2);
        let text = serde_json::to_string(&fetched).unwrap();
        assert_eq!(text.matches("recordings_count").count(), 1);
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&text).unwrap(),
            wire
        );
    }
}
