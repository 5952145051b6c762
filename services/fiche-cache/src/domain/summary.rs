//! What others list and scope by.

use chrono::{DateTime, NaiveDate, Utc};
use vigie_events::fiche::{FicheFetched, FicheSummary, FicheSummaryUpdated};
use vigie_events::ids::{AutomationRunId, FicheCacheId, FicheId};

/// A row without its details.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// The row.
    pub id: FicheCacheId,
    /// The fiche.
    pub fiche_id: FicheId,
    /// Grows with each write.
    pub version: i64,
    /// Canonical groupe.
    pub groupe: Option<String>,
    /// Agency.
    pub agence_nom: Option<String>,
    /// The seller.
    pub attribution_user_id: Option<String>,
    /// Customer's last name.
    pub prospect_nom: Option<String>,
    /// Customer's first name.
    pub prospect_prenom: Option<String>,
    /// Customer's e-mail.
    pub prospect_email: Option<String>,
    /// Customer's telephone.
    pub prospect_tel: Option<String>,
    /// Day of the sale.
    pub sales_date: Option<NaiveDate>,
    /// Whether it has recordings.
    pub has_recordings: bool,
    /// How many, when that is known.
    pub recordings_count: Option<i32>,
    /// When the details, else the summary, were fetched.
    pub fetched_at: Option<DateTime<Utc>>,
    /// When a sales list last showed it.
    pub last_revalidated_at: Option<DateTime<Utc>>,
    /// When the details, or the marker, count no more.
    pub expires_at: Option<DateTime<Utc>>,
}

/// What a `fiche/fetched` says besides the summary.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Whether the CRM was not asked or its 404 ignored.
    pub cached: bool,
    /// How long the CRM took.
    pub fetch_duration_ms: Option<i64>,
    /// The command answered.
    pub request_id: String,
    /// As in the command.
    pub automation_run_id: Option<AutomationRunId>,
}

impl Summary {
    fn event(self) -> FicheSummary {
        FicheSummary {
            version: self.version,
            groupe: self.groupe,
            agence_nom: self.agence_nom,
            attribution_user_id: self.attribution_user_id,
            sales_date: self.sales_date,
            has_recordings: self.has_recordings,
            recordings_count: self.recordings_count,
            fetched_at: self.fetched_at,
            last_revalidated_at: self.last_revalidated_at,
        }
    }

    /// The fact that answers a command.
    pub fn fetched(self, answer: Answer) -> FicheFetched {
        FicheFetched {
            fiche_id: self.fiche_id.clone(),
            cache_id: self.id,
            recordings_count: self.recordings_count.unwrap_or(0),
            cached: answer.cached,
            fetch_duration_ms: answer.fetch_duration_ms,
            request_id: answer.request_id,
            automation_run_id: answer.automation_run_id,
            summary: self.event(),
        }
    }

    /// The fact of a write that no command asked for.
    pub fn updated(self) -> FicheSummaryUpdated {
        FicheSummaryUpdated {
            fiche_id: self.fiche_id.clone(),
            cache_id: self.id,
            summary: self.event(),
        }
    }
}
