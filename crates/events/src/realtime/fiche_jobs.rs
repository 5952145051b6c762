//! Payloads of `fiches.progressive_fetch.*` events (`events-and-config.md` E6).

use super::RealtimeEvent;
use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How far a job is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FetchState {
    /// The job.
    pub job_id: String,
    /// `processing`, `complete` or `failed`.
    pub status: String,
    /// First day.
    pub start_date: NaiveDate,
    /// Last day.
    pub end_date: NaiveDate,
    /// Percent.
    pub progress: i32,
    /// Days in the cache.
    pub completed_days: i32,
    /// All days.
    pub total_days: i32,
    /// Fiches of all days.
    pub total_fiches: i32,
    /// Days in the cache.
    pub dates_completed: Vec<NaiveDate>,
    /// Days to come.
    pub dates_remaining: Vec<NaiveDate>,
    /// Days that failed.
    pub dates_failed: Vec<NaiveDate>,
}

/// The job's row exists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FetchCreated(pub FetchState);

/// A day is settled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FetchProgress {
    /// How far it is.
    #[serde(flatten)]
    pub state: FetchState,
    /// The day.
    #[serde(rename = "latestDate")]
    pub latest_date: NaiveDate,
}

/// All days are in the cache.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FetchComplete(pub FetchState);

/// It ended, and days failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FetchFailed(pub FetchState);

impl RealtimeEvent for FetchCreated {
    const NAME: &'static str = "fiches.progressive_fetch.created";
}

impl RealtimeEvent for FetchProgress {
    const NAME: &'static str = "fiches.progressive_fetch.progress";
}

impl RealtimeEvent for FetchComplete {
    const NAME: &'static str = "fiches.progressive_fetch.complete";
}

impl RealtimeEvent for FetchFailed {
    const NAME: &'static str = "fiches.progressive_fetch.failed";
}
