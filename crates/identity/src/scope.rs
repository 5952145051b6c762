use crate::{Principal, Scope};

/// Which fiches a caller may see under one grant: the one canonical rule (identity.md 1.6).
///
/// In SQL it is `($a OR groupe = ANY($b) OR attribution_user_id = $c)` with `$a` = [`all`](Self::all),
/// `$b` = [`groupes`](Self::groupes), `$c` = [`crm_user_id`](Self::crm_user_id).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FicheScope {
    scope: Scope,
    groupes: Vec<String>,
    crm_user_id: Option<String>,
}

impl FicheScope {
    /// Everything: what a service sees when it acts for itself.
    pub const fn everything() -> Self {
        Self {
            scope: Scope::All,
            groupes: Vec::new(),
            crm_user_id: None,
        }
    }

    /// What `principal` reaches with this scope.
    pub(crate) fn of(principal: &Principal, scope: Scope) -> Self {
        let mut reach = Self {
            scope,
            groupes: Vec::new(),
            crm_user_id: None,
        };
        match scope {
            Scope::All => {}
            Scope::Group => reach.groupes = principal.matching_groupes(),
            Scope::Own => {
                reach.crm_user_id = principal.crm_user_id.clone().filter(|id| !id.is_empty());
            }
        }
        reach
    }

    /// The scope of the grant behind it.
    pub const fn scope(&self) -> Scope {
        self.scope
    }

    /// `$a`: whether every fiche is visible.
    pub fn all(&self) -> bool {
        self.scope == Scope::All
    }

    /// `$b`: groupe names whose fiches are visible; empty unless the scope is `GROUP`.
    pub fn groupes(&self) -> &[String] {
        &self.groupes
    }

    /// `$c`: the CRM user whose fiches are visible; none unless the scope is `SELF`.
    pub fn crm_user_id(&self) -> Option<&str> {
        self.crm_user_id.as_deref()
    }

    /// Whether a fiche with this groupe and attribution is visible. Blank ones never match.
    pub fn allows(&self, groupe: Option<&str>, attribution: Option<&str>) -> bool {
        self.all()
            || groupe.is_some_and(|name| {
                !name.is_empty() && self.groupes.iter().any(|mine| mine == name)
            })
            || attribution
                .is_some_and(|user| !user.is_empty() && self.crm_user_id.as_deref() == Some(user))
    }
}
