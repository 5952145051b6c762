//! Jobs that fetch days of sales (fiches.md 5).

mod notice;
mod progress;

pub use notice::{EVENTS, NoticedFiche, Told};
pub use progress::{DayState, JobDay, Progress};

use super::reach::Reach;
use chrono::{DateTime, NaiveDate, Utc};
use vigie_events::realtime::fiche_jobs::FetchState;

/// Where a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum JobStatus {
    /// Not begun.
    Pending,
    /// Days are open.
    Processing,
    /// All days are in the cache.
    Complete,
    /// It ended, and days failed.
    Failed,
}

impl JobStatus {
    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Processing => "processing",
            Self::Complete => "complete",
            Self::Failed => "failed",
        }
    }

    /// A word on the wire.
    pub fn parse(word: &str) -> Option<Self> {
        [
            Self::Pending,
            Self::Processing,
            Self::Complete,
            Self::Failed,
        ]
        .into_iter()
        .find(|status| status.as_str() == word)
    }

    /// Whether nothing follows.
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Complete | Self::Failed)
    }
}

/// A job, without its days.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Its id, a token.
    pub id: String,
    /// First day.
    pub start: NaiveDate,
    /// Last day.
    pub end: NaiveDate,
    /// Whether cached days are fetched again.
    pub refresh: bool,
    /// Where it is.
    pub status: JobStatus,
    /// Percent.
    pub progress: i32,
    /// Days in the cache.
    pub completed_days: i32,
    /// All days.
    pub total_days: i32,
    /// Fiches of all days, as far as the creator sees them.
    pub total_fiches: i32,
    /// Counts what was told.
    pub sequence: i32,
    /// Whose it is.
    pub created_by: String,
    /// What the creator sees.
    pub reach: Reach,
    /// Why days failed.
    pub error: Option<String>,
    /// When.
    pub created_at: DateTime<Utc>,
    /// Last change.
    pub updated_at: DateTime<Utc>,
    /// When it ended.
    pub completed_at: Option<DateTime<Utc>>,
}

impl Job {
    /// What screens are shown.
    pub fn state(&self, progress: &Progress) -> FetchState {
        FetchState {
            job_id: self.id.clone(),
            status: self.status.as_str().to_owned(),
            start_date: self.start,
            end_date: self.end,
            progress: self.progress,
            completed_days: self.completed_days,
            total_days: self.total_days,
            total_fiches: self.total_fiches,
            dates_completed: progress.completed.clone(),
            dates_remaining: progress.remaining.clone(),
            dates_failed: progress.failed_days(),
        }
    }

    /// Where the answer to the whole range is found.
    pub fn data_url(&self, base: &str) -> String {
        let (start, end) = (self.start, self.end);
        let base = base.trim_end_matches('/');
        format!("{base}/api/fiches/status/by-date-range?startDate={start}&endDate={end}")
    }
}
