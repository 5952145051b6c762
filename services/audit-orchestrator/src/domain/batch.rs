//! Audits of many fiches at once (`audits.md` 2.9, 6.7).

use chrono::{DateTime, Utc};
use std::collections::HashSet;
use vigie_events::batch::AuditBatchCompleted;
use vigie_events::ids::{AuditConfigId, FicheId};
use vigie_events::realtime::batch::{BatchCompleted, BatchOperation, BatchProgress};
use vigie_events::realtime::{Entity, Realtime};

/// Fiches of one batch.
pub const MOST_FICHES: usize = 500;

/// A list that is no batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Invalid batch audit input")]
pub struct InvalidFiches;

/// Each fiche once, in the order asked.
pub fn fiches(ids: &[String]) -> Result<Vec<FicheId>, InvalidFiches> {
    let mut seen = HashSet::new();
    let mut fiches = Vec::new();
    for id in ids {
        let fiche: FicheId = id.parse().map_err(|_| InvalidFiches)?;
        if seen.insert(fiche.clone()) {
            fiches.push(fiche);
        }
    }
    if fiches.is_empty() || fiches.len() > MOST_FICHES {
        return Err(InvalidFiches);
    }
    Ok(fiches)
}

/// `batch-{epoch ms}-{fiches}`.
pub fn id(epoch_ms: i64, fiches: usize) -> String {
    format!("batch-{epoch_ms}-{fiches}")
}

/// A batch as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the columns, under their names")]
pub struct Batch {
    pub batch_id: String,
    pub config: AuditConfigId,
    pub status: String,
    pub total: i32,
    pub succeeded: i32,
    pub failed: i32,
    pub sequence: i64,
    pub started_at: DateTime<Utc>,
    pub completed_at: Option<DateTime<Utc>>,
}

impl Batch {
    /// Ended members, failures included.
    pub const fn completed(&self) -> i32 {
        self.succeeded + self.failed
    }

    /// What a screen is shown of it now. A batch that has just ended has room for two messages
    /// before its `sequence`.
    pub fn shown(&self) -> serde_json::Result<Vec<Realtime>> {
        let Some(ended) = self.completed_at else {
            return Ok(vec![self.progress(self.sequence)?]);
        };
        let completed = BatchCompleted {
            batch_id: self.batch_id.clone(),
            operation_type: BatchOperation::Audit,
            total: self.total,
            completed: self.completed(),
            failed: self.failed,
            duration_ms: (ended - self.started_at).num_milliseconds().max(0),
        };
        let entity = Entity::Batch(self.batch_id.clone());
        Ok(vec![
            self.progress(self.sequence - 1)?,
            Realtime::new(&entity, self.sequence, &completed, &[])?,
        ])
    }

    fn progress(&self, sequence: i64) -> serde_json::Result<Realtime> {
        let shown = BatchProgress {
            batch_id: self.batch_id.clone(),
            operation_type: BatchOperation::Audit,
            total: self.total,
            completed: self.completed(),
            failed: self.failed,
            progress_percentage: percentage(self.completed(), self.total),
        };
        let entity = Entity::Batch(self.batch_id.clone());
        Realtime::new(&entity, sequence, &shown, &[])
    }

    /// The fact of its end.
    pub fn ended(&self) -> Option<AuditBatchCompleted> {
        self.completed_at.map(|_| AuditBatchCompleted {
            batch_id: self.batch_id.clone(),
            total: self.total,
            succeeded: self.succeeded,
            failed: self.failed,
            audit_config_id: self.config.get(),
        })
    }
}

/// Rounded down: only all of them are 100.
const fn percentage(done: i32, total: i32) -> i32 {
    if total <= 0 { 0 } else { 100 * done / total }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(ids: &[&str]) -> Vec<String> {
        ids.iter().map(|id| (*id).to_owned()).collect()
    }

    #[test]
    fn a_batch_holds_each_fiche_once_in_its_order() {
        let found = fiches(&ids(&["9", " 44 ", "9", "44"])).unwrap();
        let found: Vec<_> = found.iter().map(FicheId::as_str).collect();
        assert_eq!(found, ["9", "44"]);
        for wrong in [&[][..], &[""], &["44", " "], &["4 4"]] {
            assert_eq!(fiches(&ids(wrong)), Err(InvalidFiches), "{wrong:?}");
        }
    }

    #[test]
    fn a_batch_is_bounded_and_doubles_do_not_count() {
        let many: Vec<String> = (0..=MOST_FICHES).map(|id| id.to_string()).collect();
        assert_eq!(fiches(&many), Err(InvalidFiches));
        assert_eq!(fiches(&many[1..]).unwrap().len(), MOST_FICHES);
        assert_eq!(fiches(&vec!["7".to_owned(); 900]).unwrap().len(), 1);
    }

    #[test]
    fn what_is_shown_is_numbered_and_ends_once() {
        let mut batch = Batch {
            batch_id: id(1_767_604_800_000, 3),
            config: AuditConfigId::new(21),
            status: "running".to_owned(),
            total: 3,
            succeeded: 1,
            failed: 1,
            sequence: 3,
            started_at: DateTime::UNIX_EPOCH,
            completed_at: None,
        };
        let shown = batch.shown().unwrap();
        assert_eq!(shown.len(), 1);
        assert_eq!(shown[0].payload["progress_percentage"], 66);
        assert_eq!(shown[0].payload["sequence"], 3);
        assert_eq!(batch.ended(), None);
        batch.failed = 2;
        batch.sequence = 5;
        batch.completed_at = Some(DateTime::UNIX_EPOCH + chrono::Duration::seconds(2));
        let shown = batch.shown().unwrap();
        let told: Vec<_> = shown.iter().map(|it| (it.event, &it.payload)).collect();
        assert_eq!(told[0].0, "batch.progress");
        assert_eq!(told[0].1["sequence"], 4);
        assert_eq!(told[1].0, "batch.completed");
        assert_eq!(told[1].1["sequence"], 5);
        assert_eq!(told[1].1["duration_ms"], 2000);
        let channels: Vec<_> = shown[1].channels.iter().map(ToString::to_string).collect();
        assert_eq!(channels, ["global", "job-batch-1767604800000-3"]);
        assert_eq!(batch.ended().unwrap().failed, 2);
    }
}
