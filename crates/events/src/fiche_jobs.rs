//! Messages about days of sales and the jobs that fetch them (`events-and-config.md` D1).

use crate::{Event, Kind, Message, MessageId};
use chrono::{DateTime, NaiveDate, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `fiches/revalidate-date`: ask the CRM for the sales of a day once more.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct RevalidateDate {
    /// The day.
    pub date: NaiveDate,
}

impl RevalidateDate {
    /// `revalidate-<date>-<epochMs>` of the moment it became due.
    pub fn message(date: NaiveDate, due: DateTime<Utc>) -> Message<Self> {
        let id = format!("revalidate-{date}-{}", due.timestamp_millis());
        Message::new(MessageId::new(id), Self { date })
    }
}

impl Event for RevalidateDate {
    const NAME: &'static str = "fiches/revalidate-date";
    const KIND: Kind = Kind::Command;
    const ABOUT: &'static str = "Ask the CRM for the sales of a day once more.";

    fn entity(&self) -> Vec<String> {
        vec![self.date.to_string()]
    }
}

/// `fiches/progressive-fetch-continue`: see to the days that a job still lacks. Days and secrets are
/// read from the job's row.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct ProgressiveFetchContinue {
    /// The job.
    #[serde(rename = "jobId")]
    pub job_id: String,
    /// Fetch days again that are cached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub force_refresh: Option<bool>,
}

impl ProgressiveFetchContinue {
    /// `progressive-fetch-<jobId>`.
    pub fn message(job_id: &str, force_refresh: bool) -> Message<Self> {
        let body = Self {
            job_id: job_id.to_owned(),
            force_refresh: Some(force_refresh),
        };
        Message::new(MessageId::new(format!("progressive-fetch-{job_id}")), body)
    }
}

impl Event for ProgressiveFetchContinue {
    const NAME: &'static str = "fiches/progressive-fetch-continue";
    const KIND: Kind = Kind::Command;
    const ABOUT: &'static str = "See to the days that a fetch job still lacks.";

    fn entity(&self) -> Vec<String> {
        vec![self.job_id.clone()]
    }
}

/// `fiches/progressive-fetch-day`: have the sales of one day of a job in the cache.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct ProgressiveFetchDay {
    /// The job.
    #[serde(rename = "jobId")]
    pub job_id: String,
    /// The day.
    pub date: NaiveDate,
    /// Ask the CRM although the day is cached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub force_refresh: Option<bool>,
}

impl ProgressiveFetchDay {
    /// `pf-day-<jobId>-<date>`, `-retry-<n>` from the first retry on.
    pub fn message(
        job_id: &str,
        date: NaiveDate,
        force_refresh: bool,
        retry: u32,
    ) -> Message<Self> {
        let id = MessageId::new(format!("pf-day-{job_id}-{date}")).retry(retry);
        let body = Self {
            job_id: job_id.to_owned(),
            date,
            force_refresh: Some(force_refresh),
        };
        Message::new(id, body)
    }
}

impl Event for ProgressiveFetchDay {
    const NAME: &'static str = "fiches/progressive-fetch-day";
    const KIND: Kind = Kind::Command;
    const ABOUT: &'static str = "Have the sales of one day of a fetch job in the cache.";

    fn entity(&self) -> Vec<String> {
        vec![self.job_id.clone(), self.date.to_string()]
    }
}

/// `fiches/progressive-fetch-day.processed`: a day of a job is settled.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct ProgressiveFetchDayProcessed {
    /// The job.
    #[serde(rename = "jobId")]
    pub job_id: String,
    /// The day.
    pub date: NaiveDate,
    /// Whether its sales are in the cache.
    pub ok: bool,
    /// Whether they were before.
    pub cached: bool,
    /// How many there are.
    #[serde(rename = "fichesCount")]
    pub fiches_count: i32,
    /// Why not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl ProgressiveFetchDayProcessed {
    /// `pf-day-processed-<jobId>-<date>`, with `-failed` or `-cached` where that is so.
    pub fn message(self) -> Message<Self> {
        let end = match (self.ok, self.cached) {
            (false, _) => "-failed",
            (true, true) => "-cached",
            (true, false) => "",
        };
        let id = format!("pf-day-processed-{}-{}{end}", self.job_id, self.date);
        Message::new(MessageId::new(id), self)
    }
}

impl Event for ProgressiveFetchDayProcessed {
    const NAME: &'static str = "fiches/progressive-fetch-day.processed";
    const KIND: Kind = Kind::Fact;
    const ABOUT: &'static str = "A day of a fetch job is settled.";

    fn entity(&self) -> Vec<String> {
        vec![self.job_id.clone(), self.date.to_string()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_fields_are_those_of_the_contract() {
        let date = NaiveDate::from_ymd_opt(2026, 1, 14).unwrap();
        let day = ProgressiveFetchDay::message("j", date, true, 0);
        assert_eq!(day.id.as_str(), "pf-day-j-2026-01-14");
        assert_eq!(
            serde_json::to_value(&day.body).unwrap(),
            serde_json::json!({"jobId": "j", "date": "2026-01-14", "force_refresh": true})
        );
        let processed = |ok, cached| {
            let body = ProgressiveFetchDayProcessed {
                job_id: "j".to_owned(),
                date,
                ok,
                cached,
                fiches_count: 2,
                error: None,
            };
            body.message().id.as_str().to_owned()
        };
        assert_eq!(processed(true, false), "pf-day-processed-j-2026-01-14");
        assert_eq!(
            processed(true, true),
            "pf-day-processed-j-2026-01-14-cached"
        );
        assert_eq!(
            processed(false, false),
            "pf-day-processed-j-2026-01-14-failed"
        );
        let revalidate = RevalidateDate::message(date, DateTime::UNIX_EPOCH);
        assert_eq!(revalidate.id.as_str(), "revalidate-2026-01-14-0");
    }
}
