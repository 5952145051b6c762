//! Lists of fiches.

use chrono::{DateTime, NaiveDate, Utc};
use sqlx::PgConnection;
use vigie_identity::FicheScope;

/// A fiche in a list of days.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedFiche {
    /// The row.
    pub id: i64,
    /// The fiche.
    pub fiche_id: String,
    /// Canonical groupe.
    pub groupe: Option<String>,
    /// Agency.
    pub agence_nom: Option<String>,
    /// Customer's last name.
    pub prospect_nom: Option<String>,
    /// Customer's first name.
    pub prospect_prenom: Option<String>,
    /// Customer's e-mail.
    pub prospect_email: Option<String>,
    /// Customer's telephone.
    pub prospect_tel: Option<String>,
    /// When the CRM last told about it.
    pub fetched_at: Option<DateTime<Utc>>,
    /// First seen.
    pub created_at: DateTime<Utc>,
}

impl ListedFiche {
    /// Its place in a list of a range.
    pub fn cursor(&self) -> String {
        format!("{}-{}", self.created_at.timestamp_micros(), self.id)
    }
}

/// The fiches sold on a day that are in scope, newest row first.
#[tracing::instrument(name = "store.list.of_day", skip_all, fields(%day), err)]
pub async fn of_day(
    conn: &mut PgConnection,
    day: NaiveDate,
    scope: &FicheScope,
) -> sqlx::Result<Vec<ListedFiche>> {
    sqlx::query_as!(
        ListedFiche,
        "SELECT id, fiche_id, groupe_effectif AS groupe, agence_nom, prospect_nom, prospect_prenom,
                prospect_email, prospect_tel, fetched_at, created_at
           FROM fiche_cache
          WHERE sales_date = $1
            AND ($2 OR groupe_effectif = ANY($3) OR attribution_user_id = $4)
          ORDER BY created_at DESC, id DESC",
        day,
        scope.all(),
        scope.groupes(),
        scope.crm_user_id(),
    )
    .fetch_all(conn)
    .await
}

/// Which of these fiches are known and in scope.
#[tracing::instrument(name = "store.list.visible", skip_all, err)]
pub async fn visible(
    conn: &mut PgConnection,
    fiches: &[String],
    scope: &FicheScope,
) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!(
        "SELECT fiche_id FROM fiche_cache
          WHERE fiche_id = ANY($1)
            AND ($2 OR groupe_effectif = ANY($3) OR attribution_user_id = $4)",
        fiches,
        scope.all(),
        scope.groupes(),
        scope.crm_user_id(),
    )
    .fetch_all(conn)
    .await
}
