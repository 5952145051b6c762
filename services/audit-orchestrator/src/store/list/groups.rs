//! Audits counted by what they have in common (6.3), all of it in SQL.

use super::named;
use super::statement::Statement;
use crate::domain::filters::Filters;
use sqlx::PgConnection;
use vigie_identity::FicheScope;

/// What audits are grouped by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupBy {
    /// The fiche.
    Fiche,
    /// The configuration.
    AuditConfig,
    /// The status.
    Status,
    /// The niveau.
    Niveau,
    /// The schedule, or none.
    AutomationSchedule,
    /// The automation run, or none.
    AutomationRun,
    /// The groupe of the fiche.
    Groupe,
    /// The day of creation, UTC.
    CreatedDay,
    /// A range of scores of this width.
    ScoreBucket(u8),
}

/// A group of audits.
#[derive(Debug, Clone, sqlx::FromRow)]
#[expect(missing_docs, reason = "the columns, under their names")]
pub struct Group {
    pub key: Option<String>,
    pub count: i64,
    pub compliant: i64,
    pub non_compliant: i64,
    pub avg_score: Option<f64>,
    pub min_score: Option<f64>,
    pub max_score: Option<f64>,
    pub pending: i64,
    pub running: i64,
    pub completed: i64,
    pub failed: i64,
    pub fiche_id: Option<String>,
    pub groupe: Option<String>,
    pub agence_nom: Option<String>,
    pub prospect_nom: Option<String>,
    pub prospect_prenom: Option<String>,
    pub config_name: Option<String>,
    pub config_description: Option<String>,
    pub schedule_id: Option<i64>,
}

/// A page of groups.
#[derive(Debug)]
pub struct Groups {
    /// The largest first.
    pub groups: Vec<Group>,
    /// How many there are on all pages.
    pub total: i64,
}

/// Of all audits; every column is one of the indexes'.
const SCORES: &str = "
    count(*) FILTER (WHERE a.is_compliant) AS compliant,
    count(*) FILTER (WHERE NOT a.is_compliant) AS non_compliant,
    round(avg(a.score_percentage), 2)::float8 AS avg_score,
    min(a.score_percentage)::float8 AS min_score, max(a.score_percentage)::float8 AS max_score,";

/// Without those that the built-in engine gave (`audits.md` 5.6).
const SCORES_OF_MODELS: &str = "
    count(*) FILTER (WHERE a.is_compliant AND a.engine IS DISTINCT FROM 'lexical') AS compliant,
    count(*) FILTER (WHERE NOT a.is_compliant AND a.engine IS DISTINCT FROM 'lexical')
        AS non_compliant,
    round(avg(a.score_percentage) FILTER (WHERE a.engine IS DISTINCT FROM 'lexical'), 2)::float8
        AS avg_score,
    min(a.score_percentage) FILTER (WHERE a.engine IS DISTINCT FROM 'lexical')::float8 AS min_score,
    max(a.score_percentage) FILTER (WHERE a.engine IS DISTINCT FROM 'lexical')::float8 AS max_score,";

const COUNTS: &str = "count(*) AS count,
    count(*) FILTER (WHERE a.status = 'pending') AS pending,
    count(*) FILTER (WHERE a.status = 'running') AS running,
    count(*) FILTER (WHERE a.status = 'completed') AS completed,
    count(*) FILTER (WHERE a.status = 'failed') AS failed";

impl GroupBy {
    /// What is equal within a group.
    fn expression(self) -> String {
        let expression = match self {
            Self::Fiche => "a.fiche_id",
            Self::AuditConfig => "a.audit_config_id",
            Self::Status => "a.status",
            Self::Niveau => "a.niveau",
            Self::AutomationSchedule => "a.automation_schedule_id",
            Self::AutomationRun => "a.automation_run_id",
            Self::Groupe => "COALESCE(NULLIF(f.groupe, ''), 'UNKNOWN')",
            Self::CreatedDay => "(a.created_at AT TIME ZONE 'UTC')::date",
            Self::ScoreBucket(size) => {
                return format!("floor(a.score_percentage / {size})::integer * {size}");
            }
        };
        expression.to_owned()
    }

    /// How the group is called.
    fn key(self) -> String {
        let expression = self.expression();
        match self {
            Self::Fiche => "max(COALESCE(f.fiche_cache_id, a.fiche_cache_id))::text".to_owned(),
            Self::CreatedDay => format!("to_char({expression}, 'YYYY-MM-DD')"),
            Self::ScoreBucket(size) => {
                format!("({expression})::text || '-' || ({expression} + {size})::text")
            }
            _ => format!("({expression})::text"),
        }
    }

    /// What is shown of the fiche, the configuration and the schedule.
    const fn shown(self) -> &'static str {
        match self {
            Self::Fiche => {
                "max(a.fiche_id) AS fiche_id, max(f.groupe) AS groupe,
                 max(f.agence_nom) AS agence_nom, max(f.prospect_nom) AS prospect_nom,
                 max(f.prospect_prenom) AS prospect_prenom, NULL AS config_name,
                 NULL AS config_description, NULL::bigint AS schedule_id"
            }
            Self::AuditConfig => {
                "NULL AS fiche_id, NULL AS groupe, NULL AS agence_nom, NULL AS prospect_nom,
                 NULL AS prospect_prenom, max(c.name) AS config_name,
                 max(c.description) AS config_description, NULL::bigint AS schedule_id"
            }
            _ => {
                "NULL AS fiche_id, NULL AS groupe, NULL AS agence_nom, NULL AS prospect_nom,
                 NULL AS prospect_prenom, NULL AS config_name, NULL AS config_description,
                 max(a.automation_schedule_id) AS schedule_id"
            }
        }
    }
}

/// Which audits are grouped, and whose scores count.
#[derive(Debug)]
pub struct Grouped<'a> {
    /// The filters of the list.
    pub filters: &'a Filters,
    /// The caller's.
    pub scope: &'a FicheScope,
    /// Whether the scores of the built-in engine count too.
    pub with_lexical: bool,
}

/// A page of groups of the audits in scope, the largest first.
#[tracing::instrument(name = "store.list.group", skip_all, err)]
pub async fn group(
    conn: &mut PgConnection,
    by: GroupBy,
    grouped: &Grouped<'_>,
) -> sqlx::Result<Groups> {
    let Grouped { filters, scope, .. } = *grouped;
    let expression = by.expression();
    let named = named(conn, filters).await?;
    let mut count = Statement::narrow(format_args!(
        "SELECT count(*) FROM (SELECT {expression} AS same"
    ));
    count.filters(filters, &named);
    count.scope(scope);
    count.0.push(" GROUP BY 1) AS groups");
    let total = count.count(conn).await?;
    let (key, shown) = (by.key(), by.shown());
    let scores = if grouped.with_lexical {
        SCORES
    } else {
        SCORES_OF_MODELS
    };
    let columns = format!("SELECT {key} AS key, {scores} {COUNTS}, {shown}");
    let mut select = match by {
        GroupBy::AuditConfig => Statement::select(columns),
        _ => Statement::narrow(columns),
    };
    select.filters(filters, &named);
    select.scope(scope);
    select.0.push(format_args!(
        " GROUP BY {expression} ORDER BY count(*) DESC, {expression} NULLS LAST LIMIT "
    ));
    select.0.push_bind(filters.limit);
    select.0.push(" OFFSET ").push_bind(filters.offset);
    let groups = select.rows(conn).await?;
    Ok(Groups { groups, total })
}
