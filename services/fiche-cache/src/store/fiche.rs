//! Rows of the cache, without their sections.

use crate::domain::cached::{CachedFiche, MailState, RowState};
use crate::domain::summary::Summary;
use crate::store::lease::{Failed, FailedKind};
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
pub async fn find(conn: &mut PgConnection, fiche: &FicheId) -> sqlx::Result<Option<CachedFiche>> {
    let seen = look(conn, fiche, Duration::ZERO).await?;
    Ok(seen.row)
}

/// A fiche, and what others have just tried.
pub struct Look {
    /// The row, if there is one.
    pub row: Option<CachedFiche>,
    /// Its summary, once a sale or details were seen.
    pub summary: Option<Summary>,
    /// The fetch that failed within the time asked about.
    pub failed: Option<Failed>,
}

/// [`find`], with the summary and the fetch that failed not longer ago than given: all that a reader or a
/// command has to know, in one statement.
#[tracing::instrument(name = "store.fiche.look", skip_all, fields(fiche.id = %fiche), err)]
pub async fn look(
    conn: &mut PgConnection,
    fiche: &FicheId,
    failed_within: Duration,
) -> sqlx::Result<Look> {
    let row = sqlx::query!(
        r#"SELECT c.id AS "id?", c.version AS "version?", c.state AS "state?: RowState",
                  c.groupe_effectif AS "groupe?", c.attribution_user_id AS "attribution_user_id?",
                  c.agence_nom AS "agence_nom?", c.prospect_nom AS "prospect_nom?",
                  c.prospect_prenom AS "prospect_prenom?", c.prospect_email AS "prospect_email?",
                  c.prospect_tel AS "prospect_tel?", c.sales_date AS "sales_date?",
                  c.has_recordings AS "has_recordings?", c.recordings_count AS "recordings_count?",
                  c.fetched_at AS "fetched_at?", c.last_revalidated_at AS "last_revalidated_at?",
                  CASE c.state WHEN 'not_found' THEN c.not_found_until
                               ELSE c.details_expires_at END AS expires_at,
                  COALESCE(CASE c.state WHEN 'full' THEN c.details_expires_at
                                        WHEN 'not_found' THEN c.not_found_until END <= now(), false)
                      AS "expired!",
                  EXTRACT(EPOCH FROM now() - CASE c.state WHEN 'full' THEN c.details_fetched_at
                                                          WHEN 'not_found' THEN c.not_found_at END)::float8
                      AS age_seconds,
                  r.recordings AS "recordings!", r.blank_urls AS "blank_urls!",
                  c.mail_devis_state AS "mail?: MailState",
                  f.kind AS "failed?: FailedKind", f.message AS "failed_message?"
             FROM (SELECT $1::text AS fiche_id) asked
             LEFT JOIN fiche_cache c ON c.fiche_id = asked.fiche_id
             LEFT JOIN fiche_fetch_failures f
                    ON f.fiche_id = asked.fiche_id
                   AND f.at > clock_timestamp() - make_interval(secs => $2)
            CROSS JOIN LATERAL (SELECT count(*) AS recordings,
                                       count(*) FILTER (WHERE recording_url = '') AS blank_urls
                                  FROM recordings WHERE fiche_cache_id = c.id) r"#,
        fiche.as_str(),
        failed_within.as_secs_f64(),
    )
    .fetch_one(conn)
    .await?;
    let failed = row.failed.zip(row.failed_message);
    let failed = failed.map(|(kind, message)| Failed { kind, message });
    let (Some(id), Some(version), Some(state), Some(mail)) =
        (row.id, row.version, row.state, row.mail)
    else {
        return Ok(Look {
            row: None,
            summary: None,
            failed,
        });
    };
    let id = FicheCacheId::new(id);
    let has_recordings = row.has_recordings.unwrap_or_default();
    let cached = CachedFiche {
        id,
        version,
        state,
        groupe: row.groupe.clone(),
        attribution_user_id: row.attribution_user_id.clone(),
        expired: row.expired,
        // A clock that went back makes it brand new.
        age: row
            .age_seconds
            .map(|seconds| Duration::try_from_secs_f64(seconds).unwrap_or_default()),
        expects_recordings: has_recordings || row.recordings_count.unwrap_or_default() > 0,
        recordings: row.recordings,
        blank_urls: row.blank_urls,
        mail,
    };
    let summary = row.fetched_at.map(|fetched_at| Summary {
        id,
        fiche_id: fiche.clone(),
        version,
        groupe: row.groupe,
        agence_nom: row.agence_nom,
        attribution_user_id: row.attribution_user_id,
        prospect_nom: row.prospect_nom,
        prospect_prenom: row.prospect_prenom,
        prospect_email: row.prospect_email,
        prospect_tel: row.prospect_tel,
        sales_date: row.sales_date,
        has_recordings,
        recordings_count: row.recordings_count,
        fetched_at: Some(fetched_at),
        last_revalidated_at: row.last_revalidated_at,
        expires_at: row.expires_at,
    });
    Ok(Look {
        row: Some(cached),
        summary,
        failed,
    })
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
