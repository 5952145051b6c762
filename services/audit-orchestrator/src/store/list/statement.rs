use super::row::ListedAudit;
use crate::domain::cursor::SortKey;
use crate::domain::filters::{Filters, Range, SortBy, TimeRange, Until};
use sqlx::{Encode, PgConnection, Postgres, QueryBuilder, Type};
use std::fmt::Display;
use vigie_identity::FicheScope;

const FROM: &str = "
      FROM audits a
      LEFT JOIN audit_configs c ON c.id = a.audit_config_id
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

/// A statement over audits, their fiches and configurations, put together condition by condition.
pub(super) struct Statement(pub(super) QueryBuilder<Postgres>);

impl Statement {
    pub(super) fn select(columns: &'static str) -> Self {
        Self::beginning(columns)
    }

    /// The same, for columns that depend on what is asked; no value of a caller may be among them.
    pub(super) fn beginning(columns: impl Display) -> Self {
        let mut builder = QueryBuilder::new("");
        builder.push(columns).push(FROM);
        Self(builder)
    }

    /// ` AND <before> <value> <after>`.
    pub(super) fn and<T>(&mut self, before: &'static str, value: T, after: &'static str)
    where
        T: for<'q> Encode<'q, Postgres> + Type<Postgres> + Send + 'static,
    {
        self.0
            .push(" AND ")
            .push(before)
            .push_bind(value)
            .push(after);
    }

    pub(super) fn any<T>(&mut self, column: &'static str, values: &[T])
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

    pub(super) fn range<T>(&mut self, column: &'static str, range: &Range<T>)
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

    pub(super) fn times(&mut self, column: &'static str, range: &TimeRange) {
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
    pub(super) fn contains(&mut self, columns: &[&'static str], text: Option<&str>) {
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

    pub(super) fn filters(&mut self, filters: &Filters) {
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

    pub(super) fn search(&mut self, text: Option<&str>) {
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
    pub(super) fn scope(&mut self, scope: &FicheScope) {
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
    pub(super) fn after(&mut self, filters: &Filters) {
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

    pub(super) fn beyond<T>(
        &mut self,
        column: &'static str,
        beyond: &'static str,
        value: T,
        id: i64,
    ) where
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

    pub(super) fn order(&mut self, filters: &Filters) {
        let direction = if filters.ascending { "ASC" } else { "DESC" };
        let column = sort_column(filters.sort_by);
        self.0.push(format_args!(
            " ORDER BY {column} {direction} NULLS LAST, a.id {direction}"
        ));
    }

    pub(super) fn cut(&mut self, filters: &Filters) {
        self.0
            .push(" LIMIT ")
            // One more tells whether there is a next page.
            .push_bind(filters.limit + 1)
            .push(" OFFSET ")
            .push_bind(filters.offset);
    }

    pub(super) async fn audits(
        mut self,
        conn: &mut PgConnection,
    ) -> sqlx::Result<Vec<ListedAudit>> {
        self.0.build_query_as().fetch_all(conn).await
    }
}

pub(super) const fn sort_column(sort_by: SortBy) -> &'static str {
    match sort_by {
        SortBy::CreatedAt => "a.created_at",
        SortBy::CompletedAt => "a.completed_at",
        // As doubles: a cursor brings back what it was given.
        SortBy::ScorePercentage => "a.score_percentage::float8",
        SortBy::DurationMs => "a.duration_ms",
    }
}
