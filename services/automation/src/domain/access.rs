//! Who may see a schedule and its runs (`identity.md` W20).

use vigie_identity::{FicheScope, Principal, PrincipalKind, Scope};

/// What a caller reaches. In SQL:
/// `($all OR owner_groupes && $groupes OR owner_user_id = $user)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reach {
    /// Everything.
    pub all: bool,
    /// Schedules whose owner shares one of these; empty unless the scope is `GROUP`.
    pub groupes: Vec<String>,
    /// Schedules of this user; none unless the scope is `SELF`.
    pub user: Option<i64>,
}

impl Reach {
    /// What a principal reaches with the scope of a grant.
    pub fn of(principal: &Principal, scope: &FicheScope) -> Self {
        let user = principal.user_id().map(vigie_events::ids::UserId::get);
        Self {
            all: scope.all(),
            groupes: scope.groupes().to_vec(),
            user: user.filter(|_| scope.scope() == Scope::Own),
        }
    }
}

/// Who makes a schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// For people to read: address of a user, name of a machine.
    pub label: String,
    /// None for machines.
    pub user: Option<i64>,
    /// Current and former names of the owner's groupes.
    pub groupes: Vec<String>,
}

impl Owner {
    /// The owner that a caller becomes.
    pub fn of(principal: &Principal) -> Self {
        let names = principal.groupe_names.iter().chain(&principal.groupes);
        let mut groupes: Vec<String> = names.filter(|name| !name.is_empty()).cloned().collect();
        groupes.sort_unstable();
        groupes.dedup();
        Self {
            label: match &principal.kind {
                PrincipalKind::User(_) => principal.email.clone(),
                PrincipalKind::Machine(name) => name.clone(),
            },
            user: principal.user_id().map(vigie_events::ids::UserId::get),
            groupes,
        }
    }
}

/// The id under which a caller stands in runs and messages.
pub fn actor(principal: &Principal) -> String {
    match &principal.kind {
        PrincipalKind::User(id) => id.to_string(),
        PrincipalKind::Machine(name) => name.clone(),
    }
}
