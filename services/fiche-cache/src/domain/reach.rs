//! Which fiches somebody sees, as it is stored with a job.

use vigie_identity::FicheScope;

/// A scope whose owner may be gone: what a job's creator saw when it was made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reach {
    /// Everything.
    pub all: bool,
    /// Fiches of these groupes.
    pub groupes: Vec<String>,
    /// Fiches of this seller.
    pub crm_user_id: Option<String>,
}

impl From<&FicheScope> for Reach {
    fn from(scope: &FicheScope) -> Self {
        Self {
            all: scope.all(),
            groupes: scope.groupes().to_vec(),
            crm_user_id: scope.crm_user_id().map(str::to_owned),
        }
    }
}
