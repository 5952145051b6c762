//! Messages about accounts and sessions (`events-and-config.md` D6).

use crate::ids::UserId;
use crate::{Event, Kind, Message, MessageId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Why tokens that were signed before are refused from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PrincipalChange {
    /// The account may no longer be used.
    Disabled,
    /// The password was set anew.
    Password,
    /// The user's roles, or what one of them allows.
    Roles,
    /// The user's teams, their names, or the linked CRM user.
    Teams,
    /// A session was ended by its owner or an administrator.
    Logout,
    /// A refresh token came back after it was used: its session is ended.
    Reuse,
}

/// `auth/principal.changed`: what tokens say about this user is no longer so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PrincipalChanged {
    /// Whose tokens.
    pub user_id: UserId,
    /// Version of the user: tokens with a smaller `ver` are refused.
    pub version: i64,
    /// The only session that ended, when the others go on; the version stays then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sid: Option<String>,
    /// Why.
    pub reason: PrincipalChange,
}

impl PrincipalChanged {
    /// `auth-principal-<userId>-v<version>[-<sid>]`.
    pub fn message(self) -> Message<Self> {
        let base = format!("auth-principal-{}-v{}", self.user_id, self.version);
        let id = match &self.sid {
            Some(sid) => format!("{base}-{sid}"),
            None => base,
        };
        Message::new(MessageId::new(id), self)
    }
}

impl Event for PrincipalChanged {
    const NAME: &'static str = "auth/principal.changed";
    const KIND: Kind = Kind::Fact;
    const ABOUT: &'static str =
        "Tokens signed before are refused: of this user, or of this session alone.";

    fn entity(&self) -> Vec<String> {
        vec![self.user_id.to_string()]
    }
}

#[cfg(test)]
mod tests {
    use super::{PrincipalChange, PrincipalChanged};
    use crate::ids::UserId;

    #[test]
    fn one_session_has_an_id_of_its_own() {
        let all = PrincipalChanged {
            user_id: UserId::new(7),
            version: 3,
            sid: None,
            reason: PrincipalChange::Roles,
        };
        let one = PrincipalChanged {
            sid: Some("s-1".to_owned()),
            reason: PrincipalChange::Logout,
            ..all.clone()
        };
        assert_eq!(
            serde_json::to_value(&all).unwrap(),
            serde_json::json!({"user_id": "7", "version": 3, "reason": "roles"})
        );
        let (all, one) = (all.message(), one.message());
        assert_eq!(all.id.as_str(), "auth-principal-7-v3");
        assert_eq!(one.id.as_str(), "auth-principal-7-v3-s-1");
        assert_eq!(one.subject(), "event.auth.principal.changed.7");
    }
}
