use super::row::ListedAudit;
use crate::domain::cursor::SortKey;
use crate::domain::filters::{Filters, Range, SortBy, TimeRange, Until};
use sqlx::postgres::PgRow;
use sqlx::{Encode, FromRow, PgConnection, Postgres, QueryBuilder, Type};
use std::fmt::Display;
use vigie_identity::FicheScope;

/// Configurations are no filter. They are joined only where they are shown: the planner would keep
/// their key in sight, and could not answer from an index alone.
const FILTERED: &str = "
      FROM audits a
      LEFT JOIN fiches f ON f.fiche_id = a.fiche_id
     WHERE true";
const SHOWN: &str = "
      LEFT JOIN audit_configs c ON c.id = a.audit_config_id
      LEFT JOIN fiches f ON f.fiche_id = a.fiche_id";

/// A statement over audits and their fiches, put together condition by condition.
pub(super) struct Statement(pub(super) QueryBuilder<Postgres>);

impl Statement {
    /// Of audits and fiches (`a`, `f`). No value of a caller may be among the columns.
    pub(super) fn narrow(columns: impl Display) -> Self {
        let mut builder = QueryBuilder::new("");
        builder.push(columns).push(FILTERED);
        Self(builder)
    }

    /// With what is shown of configurations too (`c`).
    pub(super) fn select(columns: impl Display) -> Self {
        let mut builder = QueryBuilder::new("");
        let from = format_args!(" FROM audits a {SHOWN} WHERE true");
        builder.push(columns).push(from);
        Self(builder)
    }

    /// What is shown of a page of audits, begun: conditions follow, then [`shown`](Self::shown).
    /// The page is found first, by what the indexes hold; only its rows are read.
    pub(super) fn page(columns: &'static str) -> Self {
        let mut builder = QueryBuilder::new(columns);
        builder.push(" FROM (SELECT a.id").push(FILTERED);
        Self(builder)
    }

    /// The end of a page, in the order in which it was found.
    pub(super) fn shown(&mut self, filters: &Filters) {
        let from = format_args!(") AS page JOIN audits a ON a.id = page.id {SHOWN}");
        self.0.push(from);
        self.order(filters);
    }

    /// How many audits there are and the ids of a page of them, in their order, begun: conditions
    /// follow, then [`counted`](Self::counted).
    pub(super) fn found(filters: &Filters, most: i32) -> Self {
        let mut this = Self(QueryBuilder::new(
            "SELECT count(*), COALESCE((array_agg(a.id",
        ));
        this.order(filters);
        this.0.push(") FILTER (WHERE true");
        this.after(filters);
        this.0.push("))[");
        // Places in an array are small numbers; beyond its end is nothing.
        let small = |number: i64| i32::try_from(number).map_or(most, |small| small.min(most));
        let first = small(filters.offset) + 1;
        let last = first + small(filters.limit);
        this.0.push_bind(first).push(" : ").push_bind(last);
        let (column, _) = sort_column(filters.sort_by);
        let name = column.trim_start_matches("a.").trim_end_matches("::float8");
        let from = format_args!("], '{{}}') FROM (SELECT a.id, a.{name}{FILTERED}");
        this.0.push(from);
        this
    }

    /// Its end: no more than so many are looked for.
    pub(super) fn counted(&mut self, most: i32) {
        self.0.push(" LIMIT ").push_bind(most).push(") AS a");
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

    /// A column contains the text, whatever its case. The expression is that of a trigram index.
    pub(super) fn contains(&mut self, column: &'static str, text: Option<&str>) {
        if let Some(text) = text {
            self.0.push(" AND ");
            self.like(column, text);
        }
    }

    fn like(&mut self, column: &'static str, text: &str) {
        self.0.push(format_args!("lower({column}) LIKE lower("));
        self.0.push_bind(pattern(text)).push(")");
    }

    fn any_like(&mut self, columns: &[&'static str], text: &str) {
        for (n, column) in columns.iter().enumerate() {
            self.0.push(if n == 0 { "" } else { " OR " });
            self.like(column, text);
        }
    }

    /// Every condition of a list; `named` are the configurations whose name contains `q`.
    pub(super) fn filters(&mut self, filters: &Filters, named: &[i64]) {
        self.any("a.fiche_id", &filters.fiche_ids);
        self.any("f.groupe", &filters.groupes);
        self.contains("f.groupe", filters.groupe_query.as_deref());
        self.contains("f.agence_nom", filters.agence_query.as_deref());
        if let Some(text) = filters.prospect_query.as_deref() {
            self.prospect(text);
        }
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
        if let Some(text) = filters.q.as_deref() {
            self.search(text, named);
        }
        self.0
            .push(match (filters.only_latest(), filters.with_deleted()) {
                (true, false) => " AND a.is_latest AND a.deleted_at IS NULL",
                // A deleted audit is never the latest: asked for, it shows all the same.
                (true, true) => " AND (a.is_latest OR a.deleted_at IS NOT NULL)",
                (false, false) => " AND a.deleted_at IS NULL",
                (false, true) => "",
            });
    }

    /// Looks for a prospect. Each part of the union has an index of its own; an `OR` over two tables
    /// would have none.
    fn prospect(&mut self, text: &str) {
        self.0
            .push(" AND a.fiche_id IN (SELECT s.fiche_id FROM fiches s WHERE ");
        self.any_like(
            &[
                "s.prospect_nom",
                "s.prospect_prenom",
                "s.prospect_email",
                "s.prospect_tel",
            ],
            text,
        );
        self.0
            .push(" UNION ALL SELECT u.fiche_id FROM audits u WHERE ");
        self.like("u.fiche_id", text);
        self.0.push(")");
    }

    /// Looks everywhere.
    fn search(&mut self, text: &str, named: &[i64]) {
        const OR: &str = " UNION ALL SELECT u.id FROM audits u WHERE ";
        self.0
            .push(" AND a.id IN (SELECT u.id FROM audits u WHERE ");
        self.like("u.fiche_id", text);
        self.0.push(OR);
        self.like("u.error_message", text);
        self.0
            .push(" UNION ALL SELECT u.id FROM fiches s JOIN audits u USING (fiche_id) WHERE ");
        self.any_like(&["s.prospect_nom", "s.prospect_prenom"], text);
        if let Ok(id) = text.parse::<i64>() {
            self.0.push(OR).push("u.id = ").push_bind(id);
        }
        if !named.is_empty() {
            self.0.push(OR).push("u.audit_config_id = ANY(");
            self.0.push_bind(named.to_vec()).push(")");
        }
        self.0.push(")");
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
        let (column, nullable) = sort_column(filters.sort_by);
        let beyond = if filters.ascending { ">" } else { "<" };
        let place = Place {
            column,
            nullable,
            beyond,
            id: cursor.id,
        };
        match cursor.key {
            SortKey::Time(Some(time)) => self.beyond(&place, time),
            SortKey::Score(score) => self.beyond(&place, score),
            SortKey::Millis(Some(millis)) => self.beyond(&place, millis),
            SortKey::Time(None) | SortKey::Millis(None) => {
                self.0
                    .push(format_args!(" AND {column} IS NULL AND a.id {beyond} "));
                self.0.push_bind(cursor.id);
            }
        }
    }

    fn beyond<T>(&mut self, place: &Place, value: T)
    where
        T: for<'q> Encode<'q, Postgres> + Type<Postgres> + Send + 'static,
    {
        let Place {
            column,
            nullable,
            beyond,
            id,
        } = place;
        let or_null = format_args!("{column} IS NULL OR ");
        self.0.push(" AND (");
        if *nullable {
            self.0.push(or_null);
        }
        self.0.push(format_args!("({column}, a.id) {beyond} ("));
        self.0.push_bind(value).push(", ");
        self.0.push_bind(*id).push("))");
    }

    pub(super) fn order(&mut self, filters: &Filters) {
        let direction = if filters.ascending { "ASC" } else { "DESC" };
        let (column, nullable) = sort_column(filters.sort_by);
        // Where there are no nulls, saying where they go would hide the index.
        let nulls = if nullable { "NULLS LAST" } else { "" };
        self.0.push(format_args!(
            " ORDER BY {column} {direction} {nulls}, a.id {direction}"
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

    /// Planned for these values each time: a plan for any values would be one for none.
    pub(super) async fn rows<T>(mut self, conn: &mut PgConnection) -> sqlx::Result<Vec<T>>
    where
        T: for<'r> FromRow<'r, PgRow> + Send + Unpin,
    {
        let query = self.0.build_query_as().persistent(false);
        query.fetch_all(conn).await
    }

    /// The same, of one row.
    pub(super) async fn row<T>(mut self, conn: &mut PgConnection) -> sqlx::Result<T>
    where
        T: for<'r> FromRow<'r, PgRow> + Send + Unpin,
    {
        let query = self.0.build_query_as().persistent(false);
        query.fetch_one(conn).await
    }

    /// The same, of one number.
    pub(super) async fn count(mut self, conn: &mut PgConnection) -> sqlx::Result<i64> {
        let query = self.0.build_query_scalar().persistent(false);
        query.fetch_one(conn).await
    }
}

/// Where a page goes on.
struct Place {
    column: &'static str,
    nullable: bool,
    beyond: &'static str,
    id: i64,
}

/// A column to sort by, and whether it has nulls.
const fn sort_column(sort_by: SortBy) -> (&'static str, bool) {
    match sort_by {
        SortBy::CreatedAt => ("a.created_at", false),
        SortBy::CompletedAt => ("a.completed_at", true),
        // As doubles: a cursor brings back what it was given.
        SortBy::ScorePercentage => ("a.score_percentage::float8", false),
        SortBy::DurationMs => ("a.duration_ms", true),
    }
}

/// `LIKE` takes three characters for more than themselves.
fn pattern(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len() + 2);
    pattern.push('%');
    for character in text.chars() {
        if matches!(character, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern.push('%');
    pattern
}

#[cfg(test)]
mod tests {
    use super::pattern;

    #[test]
    fn what_is_looked_for_is_taken_literally() {
        assert_eq!(pattern(r"50%_a\b"), r"%50\%\_a\\b%");
    }
}
