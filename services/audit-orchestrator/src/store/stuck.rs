//! Unfinished audits, and what they wait for.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use vigie_identity::FicheScope;

/// An unfinished audit.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the columns, under their names")]
pub struct Stuck {
    pub id: i64,
    pub tracking_id: String,
    pub fiche_id: String,
    pub phase: String,
    pub lane: String,
    pub sent_at: DateTime<Utc>,
    pub sends: i32,
    pub deadline_at: DateTime<Utc>,
    pub created_at: DateTime<Utc>,
    pub missing_steps: Vec<i32>,
    pub trouble: Option<String>,
}

/// The unfinished audits in scope, the one that waits longest first.
#[tracing::instrument(name = "store.stuck.list", skip_all, err)]
pub async fn list(
    conn: &mut PgConnection,
    scope: &FicheScope,
    limit: i64,
) -> sqlx::Result<Vec<Stuck>> {
    sqlx::query_as!(
        Stuck,
        r#"SELECT a.id, a.tracking_id, a.fiche_id, a.phase, a.lane, a.sent_at, a.sends,
                  a.deadline_at, a.created_at,
                  ARRAY(SELECT (step ->> 'position')::integer
                          FROM json_array_elements(a.config_snapshot -> 'steps') AS step
                         WHERE NOT EXISTS (
                               SELECT FROM audit_step_results r
                                WHERE r.audit_id = a.id
                                  AND r.step_position = (step ->> 'position')::integer)
                         ORDER BY 1) AS "missing_steps!",
                  (SELECT COALESCE(l.step_name || ': ', '') || l.message
                              || COALESCE(' (' || (l.data ->> 'error') || ')', '')
                     FROM workflow_logs l
                    WHERE l.trace_id = a.id::text AND l.level = 'warning'
                    ORDER BY l.created_at DESC, l.id DESC LIMIT 1) AS trouble
             FROM audits a LEFT JOIN fiches f ON f.fiche_id = a.fiche_id
            WHERE a.status IN ('pending', 'running')
              AND ($1 OR f.groupe = ANY($2) OR f.attribution_user_id = $3)
            ORDER BY a.sent_at, a.id LIMIT $4"#,
        scope.all(),
        scope.groupes(),
        scope.crm_user_id(),
        limit
    )
    .fetch_all(conn)
    .await
}
