use super::{Job, JobStatus};
use crate::domain::recording::iso;
use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;

/// Events that a subscription of a job gets.
pub const EVENTS: [&str; 3] = ["progress", "complete", "failed"];
/// Most fiches of one body; more are only counted.
const MOST: usize = 200;

/// What a webhook tells (fiches.md 6.2).
#[derive(Debug)]
pub enum Told {
    /// Days were settled, this one last.
    Progress {
        /// The day.
        latest: NaiveDate,
        /// The fiches of the days that were not told of yet.
        fiches: Vec<NoticedFiche>,
    },
    /// All is well; the answer is at this URL.
    Complete {
        /// Where.
        data_url: String,
    },
    /// Days failed.
    Failed,
}

/// A fiche as webhooks tell of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NoticedFiche {
    /// The fiche.
    pub fiche_id: String,
    /// Canonical groupe.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub groupe: Option<String>,
    /// Customer's last name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prospect_nom: Option<String>,
    /// Customer's first name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prospect_prenom: Option<String>,
    /// Rows of recordings.
    pub recordings_count: i64,
    /// First seen.
    #[serde(serialize_with = "write_instant")]
    pub created_at: DateTime<Utc>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    event: &'static str,
    job_id: &'a str,
    timestamp: String,
    data: Contents<'a>,
    sequence: i32,
}

/// Keys stand in the order of the contract.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Contents<'a> {
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    progress: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    completed_days: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    total_days: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    total_fiches: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    current_fiches_count: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    latest_date: Option<NaiveDate>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data_url: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    partial_data: Vec<NoticedFiche>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    truncated: bool,
}

impl Told {
    /// The event's name.
    pub const fn event(&self) -> &'static str {
        match self {
            Self::Progress { .. } => "progress",
            Self::Complete { .. } => "complete",
            Self::Failed => "failed",
        }
    }

    /// The exact bytes of every attempt. `job` is as it is after what is told.
    pub fn body(self, job: &Job, at: DateTime<Utc>) -> serde_json::Result<String> {
        let event = self.event();
        let counted = Contents {
            progress: Some(job.progress),
            completed_days: Some(job.completed_days),
            total_days: Some(job.total_days),
            total_fiches: Some(job.total_fiches),
            ..Contents::default()
        };
        let data = match self {
            Self::Progress { latest, mut fiches } => {
                let truncated = fiches.len() > MOST;
                fiches.truncate(MOST);
                Contents {
                    status: JobStatus::Processing.as_str(),
                    current_fiches_count: Some(job.total_fiches),
                    latest_date: Some(latest),
                    partial_data: fiches,
                    truncated,
                    ..counted
                }
            }
            Self::Complete { data_url } => Contents {
                status: JobStatus::Complete.as_str(),
                data_url: Some(data_url),
                ..counted
            },
            Self::Failed => Contents {
                status: JobStatus::Failed.as_str(),
                error: job.error.as_deref(),
                ..Contents::default()
            },
        };
        serde_json::to_string(&Body {
            event,
            job_id: &job.id,
            timestamp: iso(at),
            data,
            sequence: job.sequence,
        })
    }
}

impl NoticedFiche {
    /// How many are worth reading: one more than are told.
    pub const LIMIT: usize = MOST + 1;
}

fn write_instant<S: serde::Serializer>(
    at: &DateTime<Utc>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&iso(*at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::reach::Reach;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn day(day: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 1, day).unwrap()
    }

    fn job(status: JobStatus) -> Job {
        Job {
            id: "cmkx0job0001".to_owned(),
            start: day(12),
            end: day(14),
            refresh: false,
            status,
            progress: 67,
            completed_days: 2,
            total_days: 3,
            total_fiches: 1,
            sequence: 4,
            created_by: "user:1".to_owned(),
            reach: Reach::default(),
            error: None,
            created_at: DateTime::UNIX_EPOCH,
            updated_at: DateTime::UNIX_EPOCH,
            completed_at: None,
        }
    }

    fn fiche() -> NoticedFiche {
        NoticedFiche {
            fiche_id: "2104417".to_owned(),
            groupe: Some("EQUIPE NORD".to_owned()),
            prospect_nom: Some("MARTEL".to_owned()),
            prospect_prenom: Some("Odile".to_owned()),
            recordings_count: 2,
            created_at: at("2026-01-14T09:10:00Z"),
        }
    }

    /// The examples of fiches.md 6.2, with the sequence of W52.
    #[test]
    fn bodies_are_those_of_the_contract() {
        let told = Told::Progress {
            latest: day(13),
            fiches: vec![fiche()],
        };
        assert_eq!(
            told.body(&job(JobStatus::Processing), at("2026-01-14T12:34:56.789Z"))
                .unwrap(),
            r#"{"event":"progress","jobId":"cmkx0job0001","timestamp":"2026-01-14T12:34:56.789Z","data":{"status":"processing","progress":67,"completedDays":2,"totalDays":3,"totalFiches":1,"currentFichesCount":1,"latestDate":"2026-01-13","partialData":[{"ficheId":"2104417","groupe":"EQUIPE NORD","prospectNom":"MARTEL","prospectPrenom":"Odile","recordingsCount":2,"createdAt":"2026-01-14T09:10:00.000Z"}]},"sequence":4}"#
        );
        let complete = Job {
            progress: 100,
            completed_days: 3,
            ..job(JobStatus::Complete)
        };
        let data_url = complete.data_url("https://api.example.test/");
        assert_eq!(
            Told::Complete { data_url }
                .body(&complete, at("2026-01-14T12:35:30.100Z"))
                .unwrap(),
            r#"{"event":"complete","jobId":"cmkx0job0001","timestamp":"2026-01-14T12:35:30.100Z","data":{"status":"complete","progress":100,"completedDays":3,"totalDays":3,"totalFiches":1,"dataUrl":"https://api.example.test/api/fiches/status/by-date-range?startDate=2026-01-12&endDate=2026-01-14"},"sequence":4}"#
        );
        let failed = Job {
            error: Some("1 date(s) failed during progressive fetch".to_owned()),
            ..job(JobStatus::Failed)
        };
        assert_eq!(
            Told::Failed
                .body(&failed, at("2026-01-14T12:35:30.100Z"))
                .unwrap(),
            r#"{"event":"failed","jobId":"cmkx0job0001","timestamp":"2026-01-14T12:35:30.100Z","data":{"status":"failed","error":"1 date(s) failed during progressive fetch"},"sequence":4}"#
        );
    }

    #[test]
    fn a_body_tells_of_some_fiches_and_says_that_there_are_more() {
        let told = |fiches| {
            let latest = day(13);
            let body = Told::Progress { latest, fiches }
                .body(&job(JobStatus::Processing), DateTime::UNIX_EPOCH);
            serde_json::from_str::<serde_json::Value>(&body.unwrap()).unwrap()["data"].clone()
        };
        let many = told(vec![fiche(); NoticedFiche::LIMIT]);
        assert_eq!(many["partialData"].as_array().unwrap().len(), MOST);
        assert_eq!(many["truncated"], true);
        let none = told(Vec::new());
        assert_eq!(
            (none.get("partialData"), none.get("truncated")),
            (None, None)
        );
    }
}
