//! What re-scoring needs to know of a configuration and of the audits made with it.

use super::layers::Weight;
use sqlx::PgConnection;
use std::collections::BTreeMap;

/// What a configuration counts now.
#[derive(Debug, Clone)]
pub struct Weights {
    /// Its revision.
    pub revision: i32,
    /// By position.
    pub steps: BTreeMap<i32, Weight>,
}

/// The weights of a configuration. It stays as it is until the transaction ends.
#[tracing::instrument(name = "store.rescore.weights", skip_all, err)]
pub async fn weights(conn: &mut PgConnection, config: i64) -> sqlx::Result<Option<Weights>> {
    let revision = sqlx::query_scalar!(
        "SELECT revision FROM audit_configs WHERE id = $1 FOR SHARE",
        config
    )
    .fetch_optional(&mut *conn)
    .await?;
    let Some(revision) = revision else {
        return Ok(None);
    };
    let rows = sqlx::query!(
        "SELECT position, weight, is_critical FROM audit_steps WHERE audit_config_id = $1",
        config
    )
    .fetch_all(conn)
    .await?;
    let steps = rows.into_iter().map(|row| {
        let weight = Weight {
            points: row.weight,
            is_critical: row.is_critical,
        };
        (row.position, weight)
    });
    Ok(Some(Weights {
        revision,
        steps: steps.collect(),
    }))
}

/// An audit as it is judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The audit.
    pub id: i64,
    /// Its fiche.
    pub fiche_id: String,
    /// Hundredths of a percent.
    pub score: i32,
    /// Level.
    pub niveau: String,
    /// Whether it is compliant.
    pub is_compliant: bool,
}

/// The next completed, undeleted audits of a configuration, older versions too. Others have nothing
/// to score yet, or will never have.
#[tracing::instrument(name = "store.rescore.next", skip_all, err)]
pub async fn next(
    conn: &mut PgConnection,
    config: i64,
    after: i64,
    limit: i64,
) -> sqlx::Result<Vec<Standing>> {
    sqlx::query_as!(
        Standing,
        r#"SELECT id, fiche_id, (score_percentage * 100)::integer AS "score!", niveau, is_compliant
             FROM audits
            WHERE audit_config_id = $1 AND id > $2 AND phase = 'completed' AND deleted_at IS NULL
            ORDER BY id LIMIT $3"#,
        config,
        after,
        limit
    )
    .fetch_all(conn)
    .await
}

/// Their summaries come from other weights now.
#[tracing::instrument(name = "store.rescore.revise", skip_all, err)]
pub async fn revise(conn: &mut PgConnection, audits: &[i64]) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE audits SET scorecard_revision = scorecard_revision + 1 WHERE id = ANY($1)",
        audits
    )
    .execute(conn)
    .await?;
    Ok(())
}
