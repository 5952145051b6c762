//! Markers of fiches that the CRM does not know.

use sqlx::PgConnection;
use std::time::Duration;
use vigie_events::ids::FicheId;

/// 404s in a row, each at least a marker life after the one before, until full details are given up.
const PROOFS: i32 = 3;

/// Notes a 404 and says whether the fiche is now marked as not found. Full details are kept until the
/// 404s have lasted: the CRM answers spurious ones. The caller holds the fiche's lock.
#[tracing::instrument(name = "store.marker.note", skip_all, fields(fiche.id = %fiche), err)]
pub async fn note(conn: &mut PgConnection, fiche: &FicheId, life: Duration) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"WITH before AS (
             SELECT not_found_count
                    + (not_found_at IS NULL OR not_found_at <= now() - make_interval(secs => $2))::integer
                      AS proofs
               FROM fiche_cache WHERE fiche_id = $1)
           INSERT INTO fiche_cache AS c (fiche_id, state, details_success, details_message,
                                         not_found_count, not_found_at, not_found_until)
           VALUES ($1, 'not_found', false, 'NOT_FOUND', 1, now(), now() + make_interval(secs => $2))
           ON CONFLICT (fiche_id) DO UPDATE SET
               version = c.version + 1,
               state = CASE WHEN c.state = 'full' AND (SELECT proofs FROM before) < $3
                            THEN 'full' ELSE 'not_found' END,
               not_found_count = (SELECT proofs FROM before),
               not_found_at = CASE WHEN (SELECT proofs FROM before) > c.not_found_count
                                   THEN now() ELSE c.not_found_at END,
               not_found_until = EXCLUDED.not_found_until,
               updated_at = now()
           RETURNING state = 'not_found' AS "marked!""#,
        fiche.as_str(),
        life.as_secs_f64(),
        PROOFS,
    )
    .fetch_one(conn)
    .await
}
