use crate::domain::jobs::NoticedFiche;
use crate::domain::reach::Reach;
use chrono::NaiveDate;
use sqlx::PgConnection;

/// Fiches of a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counted {
    /// In scope.
    pub visible: i32,
    /// Without details, so that nobody knows yet whose they are.
    pub awaiting_details: i32,
}

/// Counts the fiches sold in a range.
#[tracing::instrument(name = "store.jobs.count", skip_all, err)]
pub async fn count(
    conn: &mut PgConnection,
    start: NaiveDate,
    end: NaiveDate,
    reach: &Reach,
) -> sqlx::Result<Counted> {
    sqlx::query_as!(
        Counted,
        r#"SELECT (count(*) FILTER (WHERE $3 OR groupe_effectif = ANY($4)
                                       OR attribution_user_id = $5))::int AS "visible!",
                  (count(*) FILTER (WHERE state = 'sales_list'))::int AS "awaiting_details!"
             FROM fiche_cache WHERE sales_date BETWEEN $1 AND $2"#,
        start,
        end,
        reach.all,
        &reach.groupes,
        reach.crm_user_id,
    )
    .fetch_one(conn)
    .await
}

/// The settled days of a job whose fiches were not told of yet.
#[tracing::instrument(name = "store.jobs.unreported", skip_all, fields(job.id = job), err)]
pub async fn unreported(conn: &mut PgConnection, job: &str) -> sqlx::Result<Vec<NaiveDate>> {
    sqlx::query_scalar!(
        "SELECT day FROM progressive_fetch_job_days
          WHERE job_id = $1 AND state IN ('cached', 'done') AND NOT reported ORDER BY day",
        job,
    )
    .fetch_all(conn)
    .await
}

/// The fiches of some days in scope, newest first.
#[tracing::instrument(name = "store.jobs.noticed", skip_all, err)]
pub async fn noticed(
    conn: &mut PgConnection,
    days: &[NaiveDate],
    reach: &Reach,
    limit: i64,
) -> sqlx::Result<Vec<NoticedFiche>> {
    sqlx::query_as!(
        NoticedFiche,
        r#"SELECT c.fiche_id, c.groupe_effectif AS groupe, c.prospect_nom, c.prospect_prenom,
                  (SELECT count(*) FROM recordings r WHERE r.fiche_cache_id = c.id)
                      AS "recordings_count!",
                  c.created_at
             FROM fiche_cache c
            WHERE c.sales_date = ANY($1)
              AND ($2 OR c.groupe_effectif = ANY($3) OR c.attribution_user_id = $4)
            ORDER BY c.created_at DESC, c.id DESC LIMIT $5"#,
        days,
        reach.all,
        &reach.groupes,
        reach.crm_user_id,
        limit,
    )
    .fetch_all(conn)
    .await
}
