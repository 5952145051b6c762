//! What a fiche's row shows of transcription and audits (`fiches.md` 3.3): composed here from the
//! answers of three services, never asked one fiche at a time.

use serde::{Serialize, Serializer};
use std::collections::{HashMap, HashSet};
use utoipa::ToSchema;
use vigie_contracts::audit::v1::{AuditConfigRef, FicheAudit};
use vigie_contracts::fiche::v1::FicheSummary;
use vigie_contracts::transcription::v1::TranscriptSummary;

/// How far a fiche's calls are transcribed.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TranscriptionStatus {
    total: usize,
    transcribed: usize,
    pending: usize,
    #[serde(serialize_with = "plain")]
    percentage: f64,
    is_complete: bool,
    last_transcribed_at: Option<String>,
}

/// What the latest audits of a fiche say.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuditStatus {
    total: usize,
    completed: usize,
    pending: usize,
    running: usize,
    compliant: usize,
    non_compliant: usize,
    #[serde(serialize_with = "plain_option")]
    average_score: Option<f64>,
    latest_audit: Option<LatestAudit>,
}

/// The newest audit of a fiche.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LatestAudit {
    id: String,
    status: String,
    overall_score: String,
    score_percentage: String,
    niveau: String,
    is_compliant: bool,
    completed_at: Option<String>,
    audit_config: Option<ConfigName>,
}

/// A configuration, by name.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ConfigName {
    id: String,
    name: String,
}

impl ConfigName {
    /// Of an audit's reference.
    pub fn of(config: &AuditConfigRef) -> Self {
        Self {
            id: config.id.clone(),
            name: config.name.clone(),
        }
    }
}

/// The status object of search rows.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FicheStatus {
    has_data: bool,
    transcription: TranscriptionStatus,
    audit: AuditStatus,
}

/// The answers about many fiches, by fiche.
#[derive(Debug, Default)]
pub struct Known {
    summaries: HashMap<String, FicheSummary>,
    transcripts: HashMap<String, Vec<TranscriptSummary>>,
    audits: HashMap<String, Vec<FicheAudit>>,
}

impl Known {
    /// Takes the answers about some fiches. The audits of one fiche come newest first, and together.
    pub fn learn(
        &mut self,
        summaries: Vec<FicheSummary>,
        transcripts: Vec<TranscriptSummary>,
        audits: Vec<FicheAudit>,
    ) {
        for summary in summaries {
            self.summaries.insert(summary.fiche_id.clone(), summary);
        }
        for transcript in transcripts {
            let known = self.transcripts.entry(transcript.fiche_id.clone());
            known.or_default().push(transcript);
        }
        for audit in audits {
            let known = self.audits.entry(audit.fiche_id.clone());
            known.or_default().push(audit);
        }
    }

    /// The status of a fiche whose recordings were not listed: the cache says how many there are.
    pub fn status(&self, fiche_id: &str) -> FicheStatus {
        let summary = self
            .summaries
            .get(fiche_id)
            .filter(|summary| summary.fiche_cache_id.is_some());
        let Some(summary) = summary else {
            return FicheStatus {
                has_data: false,
                transcription: transcription(0, &[]),
                audit: audit_status(&[]),
            };
        };
        let count = usize::try_from(summary.recordings_count.unwrap_or_default()).unwrap_or(0);
        let transcripts: Vec<_> = self.transcripts(fiche_id).iter().collect();
        // A count that lags behind what is transcribed is the older of the two.
        let total = count.max(transcripts.len());
        FicheStatus {
            has_data: true,
            transcription: transcription(total, &transcripts),
            audit: self.audit(fiche_id),
        }
    }

    /// Transcription of a fiche with these recordings.
    pub fn transcription_of(&self, fiche_id: &str, call_ids: &[&str]) -> TranscriptionStatus {
        let calls: HashSet<&str> = call_ids.iter().copied().collect();
        let transcripts = self.transcripts(fiche_id).iter();
        let ours: Vec<_> = transcripts
            .filter(|transcript| calls.contains(transcript.call_id.as_str()))
            .collect();
        transcription(call_ids.len(), &ours)
    }

    /// The transcript of one call.
    pub fn transcript(&self, fiche_id: &str, call_id: &str) -> Option<&TranscriptSummary> {
        self.transcripts(fiche_id)
            .iter()
            .find(|transcript| transcript.call_id == call_id)
    }

    /// What the audits of a fiche say.
    pub fn audit(&self, fiche_id: &str) -> AuditStatus {
        audit_status(self.audits(fiche_id))
    }

    /// The latest audits of a fiche, newest first.
    pub fn audits(&self, fiche_id: &str) -> &[FicheAudit] {
        self.audits.get(fiche_id).map_or(&[], Vec::as_slice)
    }

    fn transcripts(&self, fiche_id: &str) -> &[TranscriptSummary] {
        self.transcripts.get(fiche_id).map_or(&[], Vec::as_slice)
    }
}

fn transcription(total: usize, transcripts: &[&TranscriptSummary]) -> TranscriptionStatus {
    let transcribed = transcripts.len();
    TranscriptionStatus {
        total,
        transcribed,
        pending: total.saturating_sub(transcribed),
        percentage: if total == 0 {
            0.0
        } else {
            ratio(transcribed, total) * 100.0
        },
        is_complete: total > 0 && transcribed >= total,
        // ISO instants of one form: the greatest text is the latest.
        last_transcribed_at: transcripts
            .iter()
            .map(|transcript| transcript.transcribed_at.clone())
            .max(),
    }
}

fn audit_status(audits: &[FicheAudit]) -> AuditStatus {
    let count = |status: &str| audits.iter().filter(|audit| audit.status == status).count();
    let completed: Vec<&FicheAudit> = audits
        .iter()
        .filter(|audit| audit.status == "completed")
        .collect();
    let compliant = completed.iter().filter(|audit| audit.is_compliant).count();
    let scores: Vec<f64> = completed
        .iter()
        .filter_map(|audit| audit.score_percentage.parse().ok())
        .collect();
    AuditStatus {
        total: audits.len(),
        completed: completed.len(),
        pending: count("pending"),
        running: count("running"),
        compliant,
        non_compliant: completed.len() - compliant,
        average_score: mean(&scores),
        latest_audit: audits.first().map(latest),
    }
}

fn latest(audit: &FicheAudit) -> LatestAudit {
    LatestAudit {
        id: audit.id.clone(),
        status: audit.status.clone(),
        overall_score: audit.overall_score.clone(),
        score_percentage: audit.score_percentage.clone(),
        niveau: audit.niveau.clone(),
        is_compliant: audit.is_compliant,
        completed_at: audit.completed_at.clone(),
        audit_config: audit.audit_config.as_ref().map(ConfigName::of),
    }
}

fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / ratio(values.len(), 1))
}

#[expect(
    clippy::cast_precision_loss,
    reason = "counts of recordings and audits are small"
)]
fn ratio(part: usize, whole: usize) -> f64 {
    part as f64 / whole as f64
}

/// A whole number without a decimal point, as the contract writes it.
#[expect(
    clippy::cast_possible_truncation,
    reason = "only whole numbers are cast, and small ones"
)]
#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde gives a reference to the field"
)]
fn plain<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    if value.fract() == 0.0 {
        serializer.serialize_i64(*value as i64)
    } else {
        serializer.serialize_f64(*value)
    }
}

#[expect(clippy::ref_option, reason = "serde gives a reference to the field")]
fn plain_option<S: Serializer>(value: &Option<f64>, serializer: S) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => plain(value, serializer),
        None => serializer.serialize_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::Known;
    use serde_json::json;
    use vigie_contracts::audit::v1::{AuditConfigRef, FicheAudit};
    use vigie_contracts::fiche::v1::FicheSummary;
    use vigie_contracts::transcription::v1::TranscriptSummary;

    fn known(
        summaries: Vec<FicheSummary>,
        transcripts: Vec<TranscriptSummary>,
        audits: Vec<FicheAudit>,
    ) -> Known {
        let mut known = Known::default();
        known.learn(summaries, transcripts, audits);
        known
    }

    fn summary(recordings: i32) -> FicheSummary {
        FicheSummary {
            fiche_id: "1".to_owned(),
            fiche_cache_id: Some("77".to_owned()),
            recordings_count: Some(recordings),
            ..FicheSummary::default()
        }
    }

    fn transcript(call_id: &str, at: &str) -> TranscriptSummary {
        TranscriptSummary {
            fiche_id: "1".to_owned(),
            call_id: call_id.to_owned(),
            transcribed_at: at.to_owned(),
            ..TranscriptSummary::default()
        }
    }

    fn audit(id: &str, status: &str, score: &str, compliant: bool) -> FicheAudit {
        FicheAudit {
            fiche_id: "1".to_owned(),
            id: id.to_owned(),
            status: status.to_owned(),
            overall_score: score.to_owned(),
            score_percentage: score.to_owned(),
            niveau: "BON".to_owned(),
            is_compliant: compliant,
            completed_at: None,
            created_at: String::new(),
            audit_config: Some(AuditConfigRef {
                id: "13".to_owned(),
                name: "Audit rapide".to_owned(),
                description: None,
            }),
        }
    }

    #[test]
    fn the_example_of_the_contract() {
        let known = known(
            vec![summary(2)],
            vec![transcript("a", "2026-01-14T12:00:00.000Z")],
            vec![audit("912", "completed", "82.5", true)],
        );
        let status = serde_json::to_value(known.status("1")).unwrap();
        assert_eq!(
            status,
            json!({"hasData": true,
                "transcription": {"total": 2, "transcribed": 1, "pending": 1, "percentage": 50,
                    "isComplete": false, "lastTranscribedAt": "2026-01-14T12:00:00.000Z"},
                "audit": {"total": 1, "completed": 1, "pending": 0, "running": 0, "compliant": 1,
                    "nonCompliant": 0, "averageScore": 82.5,
                    "latestAudit": {"id": "912", "status": "completed", "overallScore": "82.5",
                        "scorePercentage": "82.5", "niveau": "BON", "isCompliant": true,
                        "completedAt": null, "auditConfig": {"id": "13", "name": "Audit rapide"}}}})
        );
    }

    #[test]
    fn an_unknown_fiche_has_zeros() {
        let status = serde_json::to_value(Known::default().status("9")).unwrap();
        assert_eq!(
            status,
            json!({"hasData": false,
                "transcription": {"total": 0, "transcribed": 0, "pending": 0, "percentage": 0,
                    "isComplete": false, "lastTranscribedAt": null},
                "audit": {"total": 0, "completed": 0, "pending": 0, "running": 0, "compliant": 0,
                    "nonCompliant": 0, "averageScore": null, "latestAudit": null}})
        );
    }

    #[test]
    fn only_completed_audits_are_judged() {
        let audits = vec![
            audit("4", "running", "0", false),
            audit("3", "failed", "0", false),
            audit("2", "completed", "40", false),
            audit("1", "completed", "85", true),
        ];
        let status = known(vec![summary(0)], Vec::new(), audits).audit("1");
        assert_eq!((status.total, status.completed, status.running), (4, 2, 1));
        assert_eq!((status.compliant, status.non_compliant), (1, 1));
        assert_eq!(status.average_score, Some(62.5));
        assert_eq!(status.latest_audit.unwrap().id, "4");
    }

    #[test]
    fn transcripts_of_calls_that_are_not_listed_do_not_count() {
        let known = known(
            Vec::new(),
            vec![
                transcript("a", "2026-01-14T12:00:00.000Z"),
                transcript("gone", "2027"),
            ],
            Vec::new(),
        );
        let status = known.transcription_of("1", &["a"]);
        assert!(status.is_complete);
        assert_eq!(
            status.last_transcribed_at.unwrap(),
            "2026-01-14T12:00:00.000Z"
        );
        let none = known.transcription_of("1", &[]);
        assert!(!none.is_complete, "nothing to transcribe is not complete");
    }

    #[test]
    fn a_percentage_is_not_rounded() {
        let known = known(vec![summary(3)], vec![transcript("a", "2026")], Vec::new());
        let status = serde_json::to_value(known.status("1")).unwrap();
        let percentage = status["transcription"]["percentage"].as_f64().unwrap();
        assert!((percentage - 100.0 / 3.0).abs() < 1e-9);
    }
}
