//! Audits as lists and details show them.
//!
//! The filters of 6.2 are many and each excludes what it does not name, so these statements are put
//! together at run time: the one place without checked macros. Values are always bound, and the
//! scope of the caller is always the last condition.

use crate::domain::cursor::{Cursor, SortKey};
use crate::domain::filters::{Filters, Range, SortBy, TimeRange, Until};
use crate::store::impossible;
use chrono::{DateTime, Utc};
use sqlx::{Encode, PgConnection, Postgres, QueryBuilder, Type};
use vigie_identity::FicheScope;

/// An audit with what lists show of its fiche and configuration.
#[derive(Debug, Clone, sqlx::FromRow)]
#[expect(missing_docs, reason = "the columns, under their names")]
pub struct ListedAudit {
    pub id: i64,
    pub fiche_id: String,
    pub fiche_cache_id: Option<i64>,
    pub audit_config_id: i64,
    pub automation_schedule_id: Option<i64>,
    pub automation_run_id: Option<i64>,
    pub trigger_source: Option<String>,
    pub trigger_user_id: Option<String>,
    pub notes: Option<String>,
    pub deleted_at: Option<DateTime<Utc>>,
    pub overall_score: String,
    pub score_percentage: String,
    pub niveau: String,
    pub is_compliant: bool,
    pub critical_passed: i32,
    pub critical_total: i32,
    pub status: String,
    pub started_at: Option<DateTime<Utc>>,
    pub completed_at: Option<DateTime<Utc>>,
    pub duration_ms: Option<i64>,
    pub error_message: Option<String>,
    pub total_tokens: Option<i64>,
    pub successful_steps: Option<i32>,
    pub failed_steps: Option<i32>,
    pub recordings_count: Option<i32>,
    pub timeline_chunks: Option<i32>,
    pub result_data: Option<String>,
    pub version: i32,
    pub is_latest: bool,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub phase: String,
    pub completeness: Option<String>,
    pub engine: Option<String>,
    pub sequence: i64,
    pub failure_stage: Option<String>,
    pub groupe: Option<String>,
    pub agence_nom: Option<String>,
    pub attribution_user_id: Option<String>,
    pub prospect_nom: Option<String>,
    pub prospect_prenom: Option<String>,
    pub prospect_email: Option<String>,
    pub prospect_tel: Option<String>,
    pub config_name: String,
    pub config_description: Option<String>,
}

const COLUMNS: &str = "
    SELECT a.id, a.fiche_id, a.fiche_cache_id, a.audit_config_id, a.automation_schedule_id,
           a.automation_run_id, a.trigger_source, a.trigger_user_id, a.notes, a.deleted_at,
           trim_scale(a.overall_score)::text AS overall_score,
           trim_scale(a.score_percentage)::text AS score_percentage,
           a.niveau, a.is_compliant, a.critical_passed, a.critical_total, a.status, a.started_at,
           a.completed_at, a.duration_ms, a.error_message, a.total_tokens, a.successful_steps,
           a.failed_steps, a.recordings_count, a.timeline_chunks, a.result_data::text AS result_data,
           a.version, a.is_latest, a.created_at, a.updated_at, a.phase, a.completeness, a.engine,
           a.sequence, a.failure_stage, f.groupe, f.agence_nom, f.attribution_user_id,
           f.prospect_nom, f.prospect_prenom, f.prospect_email, f.prospect_tel,
           c.name AS config_name, c.description AS config_description";

const FROM: &str = "
      FROM audits a
      JOIN audit_configs c ON c.id = a.audit_config_id
      LEFT JOIN fiches f ON f.fiche_id = a.fiche_id
     WHERE true";

/// Text columns that `q` looks into.
const SEARCHED: [&str; 5] = [
    "a.fiche_id",
    "f.prospect_nom",
    "f.prospect_prenom",
    "c.name",
    "a.error_message",
];

/// Text columns that `prospect_query` looks into.
const PROSPECT: [&str; 5] = [
    "f.prospect_nom",
    "f.prospect_prenom",
    "f.prospect_email",
    "f.prospect_tel",
    "a.fiche_id",
];

struct Statement(QueryBuilder<Postgres>);

impl Statement {
    fn select(columns: &'static str) -> Self {
        let mut builder = QueryBuilder::new(columns);
        builder.push(FROM);
        Self(builder)
    }

    /// ` AND <before> <value> <after>`.
    fn and<T>(&mut self, before: &'static str, value: T, after: &'static str)
    where
        T: for<'q> Encode<'q, Postgres> + Type<Postgres> + Send + 'static,
    {
        self.0
            .push(" AND ")
            .push(before)
            .push_bind(value)
            .push(after);
    }

    fn any<T>(&mut self, column: &'static str, values: &[T])
    where
        T: Clone + Send + 'static,
        Vec<T>: for<'q> Encode<'q, Postgres> + Type<Postgres>,
    {
        if !values.is_empty() {
            self.0
                .push(" AND ")
                .push(column)
                .push(" = ANY(")
                .push_bind(values.to_vec())
                .push(")");
        }
    }

    fn range<T>(&mut self, column: &'static str, range: &Range<T>)
    where
        T: Clone + for<'q> Encode<'q, Postgres> + Type<Postgres> + Send + 'static,
    {
        if let Some(from) = range.from.clone() {
            self.0
                .push(" AND ")
                .push(column)
                .push(" >= ")
                .push_bind(from);
        }
        if let Some(to) = range.to.clone() {
            self.0.push(" AND ").push(column).push(" <= ").push_bind(to);
        }
    }

    fn times(&mut self, column: &'static str, range: &TimeRange) {
        if let Some(from) = range.from {
            self.0
                .push(" AND ")
                .push(column)
                .push(" >= ")
                .push_bind(from);
        }
        match range.to {
            Some(Until::Including(to)) => {
                self.0.push(" AND ").push(column).push(" <= ").push_bind(to);
            }
            Some(Until::Before(to)) => {
                self.0.push(" AND ").push(column).push(" < ").push_bind(to);
            }
            None => {}
        }
    }

    /// One of the columns contains the text, whatever its case. Not `LIKE`: nothing to escape.
    fn contains(&mut self, columns: &[&'static str], text: Option<&str>) {
        let Some(text) = text else { return };
        self.0.push(" AND (false");
        for column in columns {
            self.0
                .push(" OR strpos(lower(")
                .push(column)
                .push("), lower(");
            self.0.push_bind(text.to_owned()).push(")) > 0");
        }
        self.0.push(")");
    }

    fn filters(&mut self, filters: &Filters) {
        self.any("a.fiche_id", &filters.fiche_ids);
        self.any("f.groupe", &filters.groupes);
        self.contains(&["f.groupe"], filters.groupe_query.as_deref());
        self.contains(&["f.agence_nom"], filters.agence_query.as_deref());
        self.contains(&PROSPECT, filters.prospect_query.as_deref());
        self.any("f.sales_date", &filters.sales_dates);
        self.range("f.sales_date", &filters.sales_date);
        if let Some(has) = filters.has_recordings {
            self.and("f.has_recordings = ", has, "");
        }
        self.range("f.recordings_count", &filters.recordings_count);
        self.times("f.fetched_at", &filters.fetched_at);
        self.times("f.last_revalidated_at", &filters.last_revalidated);
        self.any("a.status", &filters.status);
        if let Some(compliant) = filters.is_compliant {
            self.and("a.is_compliant = ", compliant, "");
        }
        self.any("a.niveau", &filters.niveau);
        self.times("a.created_at", &filters.date);
        self.any("a.audit_config_id", &filters.audit_config_ids);
        self.range("a.score_percentage::float8", &filters.score);
        self.range("a.duration_ms", &filters.duration_ms);
        self.range("a.total_tokens", &filters.tokens);
        if let Some(failed) = filters.has_failed_steps {
            self.and("(COALESCE(a.failed_steps, 0) > 0) = ", failed, "");
        }
        self.any("a.automation_schedule_id", &filters.automation_schedule_ids);
        self.any("a.automation_run_id", &filters.automation_run_ids);
        self.any("a.trigger_source", &filters.trigger_source);
        self.search(filters.q.as_deref());
        if filters.only_latest() {
            self.0.push(" AND a.is_latest");
        }
        if !filters.with_deleted() {
            self.0.push(" AND a.deleted_at IS NULL");
        }
    }

    fn search(&mut self, text: Option<&str>) {
        let id = text.and_then(|text| text.parse::<i64>().ok());
        match (text, id) {
            (Some(text), Some(id)) => {
                self.0.push(" AND (a.id = ").push_bind(id);
                for column in SEARCHED {
                    self.0
                        .push(" OR strpos(lower(")
                        .push(column)
                        .push("), lower(");
                    self.0.push_bind(text.to_owned()).push(")) > 0");
                }
                self.0.push(")");
            }
            _ => self.contains(&SEARCHED, text),
        }
    }

    /// Only what the caller may see (`identity.md` 1.6).
    fn scope(&mut self, scope: &FicheScope) {
        if !scope.all() {
            self.0
                .push(" AND (f.groupe = ANY(")
                .push_bind(scope.groupes().to_vec());
            self.0.push(") OR f.attribution_user_id = ");
            self.0
                .push_bind(scope.crm_user_id().map(ToOwned::to_owned))
                .push(")");
        }
    }

    /// Only what comes after a place: the rest of its value, the values beyond it, then nulls.
    fn after(&mut self, filters: &Filters) {
        let Some(cursor) = &filters.after else { return };
        let column = sort_column(filters.sort_by);
        let beyond = if filters.ascending { ">" } else { "<" };
        match cursor.key {
            SortKey::Time(Some(time)) => self.beyond(column, beyond, time, cursor.id),
            SortKey::Score(score) => self.beyond(column, beyond, score, cursor.id),
            SortKey::Millis(Some(millis)) => self.beyond(column, beyond, millis, cursor.id),
            SortKey::Time(None) | SortKey::Millis(None) => {
                self.0
                    .push(format_args!(" AND {column} IS NULL AND a.id {beyond} "));
                self.0.push_bind(cursor.id);
            }
        }
    }

    fn beyond<T>(&mut self, column: &'static str, beyond: &'static str, value: T, id: i64)
    where
        T: Copy + for<'q> Encode<'q, Postgres> + Type<Postgres> + Send + 'static,
    {
        self.0
            .push(format_args!(" AND ({column} IS NULL OR {column} {beyond} "));
        self.0.push_bind(value);
        self.0.push(format_args!(" OR ({column} = "));
        self.0.push_bind(value);
        self.0.push(format_args!(" AND a.id {beyond} "));
        self.0.push_bind(id).push("))");
    }

    fn order(&mut self, filters: &Filters) {
        let direction = if filters.ascending { "ASC" } else { "DESC" };
        let column = sort_column(filters.sort_by);
        self.0.push(format_args!(
            " ORDER BY {column} {direction} NULLS LAST, a.id {direction} LIMIT "
        ));
        self.0
            // One more tells whether there is a next page.
            .push_bind(filters.limit + 1)
            .push(" OFFSET ")
            .push_bind(filters.offset);
    }

    async fn audits(mut self, conn: &mut PgConnection) -> sqlx::Result<Vec<ListedAudit>> {
        self.0.build_query_as().fetch_all(conn).await
    }
}

const fn sort_column(sort_by: SortBy) -> &'static str {
    match sort_by {
        SortBy::CreatedAt => "a.created_at",
        SortBy::CompletedAt => "a.completed_at",
        // As doubles: a cursor brings back what it was given.
        SortBy::ScorePercentage => "a.score_percentage::float8",
        SortBy::DurationMs => "a.duration_ms",
    }
}

/// The place after an audit.
fn place(filters: &Filters, last: &ListedAudit) -> sqlx::Result<Cursor> {
    let key = match filters.sort_by {
        SortBy::CreatedAt => SortKey::Time(Some(last.created_at)),
        SortBy::CompletedAt => SortKey::Time(last.completed_at),
        SortBy::ScorePercentage => {
            SortKey::Score(last.score_percentage.parse().map_err(impossible)?)
        }
        SortBy::DurationMs => SortKey::Millis(last.duration_ms),
    };
    Ok(Cursor::new(
        filters.sort_by,
        filters.ascending,
        key,
        last.id,
    ))
}

/// A page of a list.
#[derive(Debug)]
pub struct Page {
    /// Its audits.
    pub audits: Vec<ListedAudit>,
    /// How many there are on all pages.
    pub total: i64,
    /// Where the next page begins; `None` on the last one.
    pub next: Option<Cursor>,
}

/// A page of audits in scope.
#[tracing::instrument(name = "store.list.page", skip_all, err)]
pub async fn page(
    conn: &mut PgConnection,
    filters: &Filters,
    scope: &FicheScope,
) -> sqlx::Result<Page> {
    let mut count = Statement::select("SELECT count(*)");
    count.filters(filters);
    count.scope(scope);
    let total: i64 = count.0.build_query_scalar().fetch_one(&mut *conn).await?;
    let mut select = Statement::select(COLUMNS);
    select.filters(filters);
    select.scope(scope);
    select.after(filters);
    select.order(filters);
    let mut audits = select.audits(conn).await?;
    let limit = usize::try_from(filters.limit).unwrap_or_default();
    let more = audits.len() > limit;
    audits.truncate(limit);
    let next = match audits.last() {
        Some(last) if more => Some(place(filters, last)?),
        _ => None,
    };
    Ok(Page {
        audits,
        total,
        next,
    })
}

/// The latest, undeleted audits of a fiche in scope, newest first.
#[tracing::instrument(name = "store.list.by_fiche", skip_all, fields(fiche.id = fiche), err)]
pub async fn by_fiche(
    conn: &mut PgConnection,
    fiche: &str,
    scope: &FicheScope,
) -> sqlx::Result<Vec<ListedAudit>> {
    let mut select = Statement::select(COLUMNS);
    select.and(
        "a.fiche_id = ",
        fiche.to_owned(),
        " AND a.is_latest AND a.deleted_at IS NULL",
    );
    select.scope(scope);
    select.0.push(" ORDER BY a.created_at DESC, a.id DESC");
    select.audits(conn).await
}

/// The latest, undeleted audits of many fiches in scope, newest first.
#[tracing::instrument(name = "store.list.of_fiches", skip_all, err)]
pub async fn of_fiches(
    conn: &mut PgConnection,
    fiches: &[String],
    scope: &FicheScope,
) -> sqlx::Result<Vec<ListedAudit>> {
    if fiches.is_empty() {
        return Ok(Vec::new());
    }
    let mut select = Statement::select(COLUMNS);
    select.any("a.fiche_id", fiches);
    select.0.push(" AND a.is_latest AND a.deleted_at IS NULL");
    select.scope(scope);
    select.0.push(" ORDER BY a.created_at DESC, a.id DESC");
    select.audits(conn).await
}

/// One audit, whatever the scope: the caller tells "unknown" from "forbidden".
#[tracing::instrument(name = "store.list.one", skip_all, fields(audit.id = id), err)]
pub async fn one(conn: &mut PgConnection, id: i64) -> sqlx::Result<Option<ListedAudit>> {
    let mut select = Statement::select(COLUMNS);
    select.and("a.id = ", id, "");
    Ok(select.audits(conn).await?.pop())
}

/// The fiche of an audit, by database or tracking id.
#[tracing::instrument(name = "store.list.fiche_of", skip_all, err)]
pub async fn fiche_of(conn: &mut PgConnection, key: &str) -> sqlx::Result<Option<String>> {
    let id = key.parse::<i64>().ok();
    sqlx::query_scalar!(
        "SELECT fiche_id FROM audits WHERE id = $1 OR tracking_id = $2 LIMIT 1",
        id,
        key
    )
    .fetch_optional(conn)
    .await
}

/// Where an audit stands, by tracking id.
#[derive(Debug, Clone)]
pub struct Tracked {
    /// Tracking id.
    pub tracking_id: String,
    /// Database id.
    pub id: i64,
    /// Status.
    pub status: String,
    /// Why it failed.
    pub error_message: Option<String>,
}

/// Audits by tracking id; unknown ones are left out.
#[tracing::instrument(name = "store.list.tracked", skip_all, err)]
pub async fn tracked(conn: &mut PgConnection, ids: &[String]) -> sqlx::Result<Vec<Tracked>> {
    sqlx::query_as!(
        Tracked,
        "SELECT tracking_id, id, status, error_message FROM audits WHERE tracking_id = ANY($1)",
        ids
    )
    .fetch_all(conn)
    .await
}
