//! Rows of the cache, without their sections.

use crate::domain::cached::{CachedFiche, MailState, RowState};
use crate::domain::summary::Summary;
use chrono::{DateTime, NaiveDate, Utc};
use sqlx::PgConnection;
use std::time::Duration;
use vigie_events::ids::{FicheCacheId, FicheId};
use vigie_identity::FicheScope;

/// Waits until no other transaction writes this fiche; held until this one ends.
pub async fn lock(conn: &mut PgConnection, fiche: &FicheId) -> sqlx::Result<()> {
    sqlx::query!(
        "SELECT pg_advisory_xact_lock(hashtextextended('fiche:' || $1, 0))",
        fiche.as_str(),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// What decides whether the CRM is asked.
#[tracing::instrument(name = "store.fiche.find", skip_all, fields(fiche.id = %fiche), err)]
pub async fn find(conn: &mut PgConnection, fiche: &FicheId) -> sqlx::Result<Option<CachedFiche>> {
    let row = sqlx::query!(
        r#"SELECT c.id, c.version, c.state AS "state: RowState", c.groupe_effectif, c.attribution_user_id,
                  COALESCE(CASE c.state WHEN 'full' THEN c.details_expires_at
                                        WHEN 'not_found' THEN c.not_found_until END <= now(), false)
                      AS "expired!",
                  EXTRACT(EPOCH FROM now() - CASE c.state WHEN 'full' THEN c.details_fetched_at
                                                          WHEN 'not_found' THEN c.not_found_at END)::float8
                      AS age_seconds,
                  (c.has_recordings OR COALESCE(c.recordings_count, 0) > 0) AS "expects_recordings!",
                  r.recordings AS "recordings!", r.blank_urls AS "blank_urls!",
                  c.mail_devis_state AS "mail: MailState"
             FROM fiche_cache c
            CROSS JOIN LATERAL (SELECT count(*) AS recordings,
                                       count(*) FILTER (WHERE recording_url = '') AS blank_urls
                                  FROM recordings WHERE fiche_cache_id = c.id) r
            WHERE c.fiche_id = $1"#,
        fiche.as_str(),
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| CachedFiche {
        id: FicheCacheId::new(row.id),
        version: row.version,
        state: row.state,
        groupe: row.groupe_effectif,
        attribution_user_id: row.attribution_user_id,
        expired: row.expired,
        // A clock that went back makes it brand new.
        age: row
            .age_seconds
            .map(|seconds| Duration::try_from_secs_f64(seconds).unwrap_or_default()),
        expects_recordings: row.expects_recordings,
        recordings: row.recordings,
        blank_urls: row.blank_urls,
        mail: row.mail,
    }))
}

/// A summary with the caller's right to see it.
pub struct Scoped {
    /// The summary.
    pub summary: Summary,
    /// Whether the fiche is in scope.
    pub in_scope: bool,
}

pub(super) struct SummaryRow {
    pub(super) id: i64,
    pub(super) fiche_id: String,
    pub(super) version: i64,
    pub(super) groupe: Option<String>,
    pub(super) agence_nom: Option<String>,
    pub(super) attribution_user_id: Option<String>,
    pub(super) prospect_nom: Option<String>,
    pub(super) prospect_prenom: Option<String>,
    pub(super) prospect_email: Option<String>,
    pub(super) prospect_tel: Option<String>,
    pub(super) sales_date: Option<NaiveDate>,
    pub(super) has_recordings: bool,
    pub(super) recordings_count: Option<i32>,
    pub(super) fetched_at: Option<DateTime<Utc>>,
    pub(super) last_revalidated_at: Option<DateTime<Utc>>,
    pub(super) expires_at: Option<DateTime<Utc>>,
    pub(super) in_scope: bool,
}

impl TryFrom<SummaryRow> for Scoped {
    type Error = sqlx::Error;

    fn try_from(row: SummaryRow) -> sqlx::Result<Self> {
        let fiche_id = row.fiche_id.parse();
        Ok(Self {
            summary: Summary {
                id: FicheCacheId::new(row.id),
                fiche_id: fiche_id.map_err(|error| sqlx::Error::Decode(Box::new(error)))?,
                version: row.version,
                groupe: row.groupe,
                agence_nom: row.agence_nom,
                attribution_user_id: row.attribution_user_id,
                prospect_nom: row.prospect_nom,
                prospect_prenom: row.prospect_prenom,
                prospect_email: row.prospect_email,
                prospect_tel: row.prospect_tel,
                sales_date: row.sales_date,
                has_recordings: row.has_recordings,
                recordings_count: row.recordings_count,
                fetched_at: row.fetched_at,
                last_revalidated_at: row.last_revalidated_at,
                expires_at: row.expires_at,
            },
            in_scope: row.in_scope,
        })
    }
}

/// Summaries of the fiches that a sale or details were seen of; unknown ones are left out.
#[tracing::instrument(name = "store.fiche.summaries", skip_all, err)]
pub async fn summaries(
    conn: &mut PgConnection,
    fiches: &[String],
    scope: &FicheScope,
) -> sqlx::Result<Vec<Scoped>> {
    sqlx::query_as!(
        SummaryRow,
        r#"SELECT id, fiche_id, version, groupe_effectif AS groupe, agence_nom, attribution_user_id,
                  prospect_nom, prospect_prenom, prospect_email, prospect_tel, sales_date,
                  has_recordings, recordings_count, fetched_at, last_revalidated_at,
                  CASE state WHEN 'not_found' THEN not_found_until ELSE details_expires_at END AS expires_at,
                  COALESCE($2 OR groupe_effectif = ANY($3) OR attribution_user_id = $4, false)
                      AS "in_scope!"
             FROM fiche_cache
            WHERE fiche_id = ANY($1) AND fetched_at IS NOT NULL"#,
        fiches,
        scope.all(),
        scope.groupes(),
        scope.crm_user_id(),
    )
    .fetch_all(conn)
    .await?
    .into_iter()
    .map(Scoped::try_from)
    .collect()
}

/// [`summaries`] of one fiche, as most ask. Its own statement: for a list of ids, whose length only
/// the values tell, the server would plan anew each time.
#[tracing::instrument(name = "store.fiche.scoped", skip_all, fields(fiche.id = fiche), err)]
pub async fn scoped(
    conn: &mut PgConnection,
    fiche: &str,
    scope: &FicheScope,
) -> sqlx::Result<Option<Scoped>> {
    let row = sqlx::query_as!(
        SummaryRow,
        r#"SELECT id, fiche_id, version, groupe_effectif AS groupe, agence_nom, attribution_user_id,
                  prospect_nom, prospect_prenom, prospect_email, prospect_tel, sales_date,
                  has_recordings, recordings_count, fetched_at, last_revalidated_at,
                  CASE state WHEN 'not_found' THEN not_found_until ELSE details_expires_at END AS expires_at,
                  COALESCE($2 OR groupe_effectif = ANY($3) OR attribution_user_id = $4, false)
                      AS "in_scope!"
             FROM fiche_cache
            WHERE fiche_id = $1 AND fetched_at IS NOT NULL"#,
        fiche,
        scope.all(),
        scope.groupes(),
        scope.crm_user_id(),
    )
    .fetch_optional(conn)
    .await?;
    row.map(Scoped::try_from).transpose()
}

/// The summary of one fiche.
pub async fn summary(conn: &mut PgConnection, fiche: &FicheId) -> sqlx::Result<Option<Summary>> {
    let found = scoped(conn, fiche.as_str(), &FicheScope::everything()).await?;
    Ok(found.map(|it| it.summary))
}
