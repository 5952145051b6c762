//! Messages about audit configurations (`events-and-config.md` D3, D6).

use crate::{Event, Kind, Message, MessageId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What was done to a configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConfigChange {
    /// Made, with its steps.
    Created,
    /// Its own fields.
    Updated,
    /// May be used now.
    Activated,
    /// May not be used any more.
    Deactivated,
    /// Gone, with its steps.
    Deleted,
    /// One more step.
    StepCreated,
    /// The fields of a step.
    StepUpdated,
    /// One step less.
    StepDeleted,
    /// The order of its steps.
    StepsReordered,
}

/// `audit-config/changed`: a configuration is not what it was. Audits run on snapshots, so this is
/// for listeners only.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct AuditConfigChanged {
    /// Which.
    pub audit_config_id: i64,
    /// What was done.
    pub change: ConfigChange,
    /// The user who did it; absent where a machine did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor_id: Option<String>,
    /// Its revision now; the last one's successor where it is gone.
    pub version: i32,
}

impl AuditConfigChanged {
    /// `audit-config-changed-<configId>-v<version>`.
    pub fn message(self) -> Message<Self> {
        let Self {
            audit_config_id: id,
            version,
            ..
        } = self;
        let id = MessageId::new(format!("audit-config-changed-{id}-v{version}"));
        Message::new(id, self)
    }
}

impl Event for AuditConfigChanged {
    const NAME: &'static str = "audit-config/changed";
    const KIND: Kind = Kind::Fact;
    const ABOUT: &'static str = "An audit configuration was changed. For listeners only.";

    fn entity(&self) -> Vec<String> {
        vec![self.audit_config_id.to_string()]
    }
}

#[cfg(test)]
mod tests {
    use super::{AuditConfigChanged, ConfigChange};
    use serde_json::json;

    #[test]
    fn the_wire_is_that_of_the_contract() {
        let message = AuditConfigChanged {
            audit_config_id: 21,
            change: ConfigChange::StepsReordered,
            actor_id: Some("12".to_owned()),
            version: 4,
        }
        .message();
        assert_eq!(message.id.as_str(), "audit-config-changed-21-v4");
        let wire = json!({"audit_config_id": 21, "change": "steps_reordered", "actor_id": "12",
            "version": 4});
        assert_eq!(serde_json::to_value(&message.body).unwrap(), wire);
    }
}
