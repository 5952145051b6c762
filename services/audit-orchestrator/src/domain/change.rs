//! What `PATCH /api/audits/:audit_id` changes (`audits.md` 6.11).

use crate::domain::input::{Change, Fields, Refused};
use serde_json::Value;

const NOTES_CHARS: usize = 20_000;
const SOURCE_CHARS: usize = 50;
const USER_CHARS: usize = 200;

/// Changes of an audit. Unknown fields of the body are ignored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditChange {
    /// What a person noted.
    pub notes: Change<String>,
    /// Deletes or restores it.
    pub deleted: Option<bool>,
    /// The schedule it belongs to.
    pub schedule: Change<i64>,
    /// The automation run it belongs to.
    pub run: Change<i64>,
    /// What started it.
    pub trigger_source: Change<String>,
    /// Who asked for it.
    pub trigger_user: Change<String>,
}

impl AuditChange {
    /// Reads a body.
    pub fn parse(body: &Value) -> Result<Self, Refused> {
        let mut fields = Fields::of(body);
        let change = Self {
            notes: fields.prose("notes", NOTES_CHARS),
            deleted: fields.flag("deleted"),
            schedule: fields.id("automation_schedule_id"),
            run: fields.id("automation_run_id"),
            trigger_source: fields.prose("trigger_source", SOURCE_CHARS),
            trigger_user: fields.prose("trigger_user_id", USER_CHARS),
        };
        match fields.into_issues() {
            issues if issues.is_empty() => Ok(change),
            issues => Err(Refused {
                message: "Invalid update audit input".to_owned(),
                issues,
            }),
        }
    }

    /// The fields that were sent, under their names.
    pub fn fields(&self) -> Vec<&'static str> {
        let made = [
            ("notes", self.notes.is_made()),
            ("deleted", self.deleted.is_some()),
            ("automation_schedule_id", self.schedule.is_made()),
            ("automation_run_id", self.run.is_made()),
            ("trigger_source", self.trigger_source.is_made()),
            ("trigger_user_id", self.trigger_user.is_made()),
        ];
        let made = made.into_iter().filter(|(_, made)| *made);
        made.map(|(name, _)| name).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn sent_null_and_left_out_are_told_apart() {
        let body =
            json!({"notes": null, "trigger_source": "api", "automation_run_id": "7", "x": 1});
        let change = AuditChange::parse(&body).unwrap();
        let expected = AuditChange {
            notes: Change::Clear,
            trigger_source: Change::Set("api".to_owned()),
            run: Change::Set(7),
            ..AuditChange::default()
        };
        assert_eq!(
            change.fields(),
            ["notes", "automation_run_id", "trigger_source"]
        );
        assert_eq!(change, expected);
    }

    #[test]
    fn every_field_is_checked() {
        let body = json!({"notes": "n".repeat(20_001), "deleted": "true", "trigger_source": 1,
            "automation_schedule_id": 7, "automation_run_id": "x", "trigger_user_id": "u\u{0}"});
        let refused = AuditChange::parse(&body).unwrap_err();
        assert_eq!(refused.message, "Invalid update audit input");
        assert_eq!(refused.issues.len(), 6);
        assert!(AuditChange::parse(&json!([])).is_err());
    }
}
