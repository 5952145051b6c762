use crate::{Denied, FicheScope, Grant, Guard};
use chrono::{DateTime, Utc};
use vigie_events::ids::UserId;

/// Who a principal is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum PrincipalKind {
    /// A person with an account.
    User(UserId),
    /// A named API token.
    Machine(String),
}

/// A caller whose credential was verified, with what it allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// User or machine.
    pub kind: PrincipalKind,
    /// Login e-mail; a machine's name.
    pub email: String,
    /// Role keys.
    pub roles: Vec<String>,
    /// The linked CRM user.
    pub crm_user_id: Option<String>,
    /// Names of the user's teams.
    pub groupes: Vec<String>,
    /// The same and their former names: what fiches are matched against.
    pub groupe_names: Vec<String>,
    /// Effective grants.
    pub grants: Vec<Grant>,
    /// Refresh family that the token belongs to; machines have none.
    pub session: Option<String>,
    /// Version of the user when the token was signed.
    pub version: i64,
    /// When the credential ends.
    pub expires_at: DateTime<Utc>,
}

impl Principal {
    /// The user's id; none for a machine.
    pub fn user_id(&self) -> Option<UserId> {
        match self.kind {
            PrincipalKind::User(id) => Some(id),
            PrincipalKind::Machine(_) => None,
        }
    }

    /// The grant under a key.
    pub fn grant(&self, key: &str) -> Option<&Grant> {
        self.grants.iter().find(|grant| grant.key == key)
    }

    /// Whether the guard's permission is held.
    pub fn has(&self, guard: Guard) -> bool {
        self.grant(guard.key())
            .is_some_and(|grant| grant.allows(guard.access()))
    }

    /// Asks for a permission and says which fiches it reaches.
    pub fn require(&self, guard: Guard) -> Result<FicheScope, Denied> {
        let grant = self
            .grant(guard.key())
            .filter(|grant| grant.allows(guard.access()))
            .ok_or(Denied::MissingPermission)?;
        Ok(FicheScope::of(self, grant.scope(guard.access())))
    }

    /// Current and former names of the principal's groupes, without blanks.
    pub(crate) fn matching_groupes(&self) -> Vec<String> {
        let mut names: Vec<String> = self
            .groupe_names
            .iter()
            .chain(&self.groupes)
            .filter(|name| !name.is_empty())
            .cloned()
            .collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}
