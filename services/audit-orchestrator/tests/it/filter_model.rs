//! Every filter, order and grouping of lists in SQL against a naive model in memory, over generated
//! audits.

use crate::world::{World, query};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde::Serialize;
use std::cmp::Ordering;
use std::collections::{BTreeMap, HashSet};
use vigie_audit_orchestrator::domain::filters::Filters;
use vigie_audit_orchestrator::store::list::{self, GroupBy};

const FICHES: i64 = 30;
const AUDITS: i64 = 240;

/// An audit and its fiche in one.
#[derive(Debug, Clone, Serialize)]
struct Row {
    id: i64,
    fiche_id: String,
    tracking_id: String,
    audit_config_id: i64,
    automation_schedule_id: Option<i64>,
    automation_run_id: Option<i64>,
    trigger_source: Option<String>,
    phase: &'static str,
    niveau: &'static str,
    is_compliant: bool,
    score_percentage: f64,
    duration_ms: Option<i64>,
    total_tokens: Option<i64>,
    failed_steps: Option<i32>,
    error_message: Option<String>,
    version: i32,
    is_latest: bool,
    deleted_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
    completed_at: Option<DateTime<Utc>>,
    #[serde(skip)]
    fiche: Option<Fiche>,
}

#[derive(Debug, Clone, Serialize)]
#[expect(clippy::struct_field_names, reason = "the columns, under their names")]
struct Fiche {
    fiche_id: String,
    groupe: Option<&'static str>,
    agence_nom: Option<&'static str>,
    prospect_nom: Option<&'static str>,
    prospect_email: Option<String>,
    sales_date: Option<NaiveDate>,
    has_recordings: bool,
    recordings_count: Option<i32>,
    fetched_at: Option<DateTime<Utc>>,
}

fn day(day: i64) -> DateTime<Utc> {
    let start: DateTime<Utc> = "2026-01-01T00:00:00Z".parse().unwrap();
    start + TimeDelta::days(day)
}

fn one_of<T: Copy>(random: &mut StdRng, items: &[T]) -> T {
    items[random.random_range(0..items.len())]
}

fn maybe<T>(random: &mut StdRng, value: T) -> Option<T> {
    (random.random_range(0..4) > 0).then_some(value)
}

fn fiche(random: &mut StdRng, id: i64) -> Fiche {
    let date = day(random.random_range(0..10));
    let (email, count) = (format!("c{id}@exemple.test"), random.random_range(0..4));
    Fiche {
        fiche_id: (1000 + id).to_string(),
        groupe: one_of(random, &[Some("Ouest"), Some("Est"), None]),
        agence_nom: one_of(random, &[Some("Nantes"), Some("Lyon"), None]),
        prospect_nom: one_of(random, &[Some("Lenoir"), Some("Élan 50%"), None]),
        prospect_email: maybe(random, email),
        sales_date: maybe(random, date.date_naive()),
        has_recordings: count > 0,
        recordings_count: maybe(random, count),
        fetched_at: maybe(random, date),
    }
}

fn rows(random: &mut StdRng) -> Vec<Row> {
    let fiches: Vec<Fiche> = (0..FICHES).map(|id| fiche(random, id)).collect();
    let mut latest = HashSet::new();
    (1..=AUDITS)
        .map(|id| {
            let number = random.random_range(0..FICHES + 3);
            let fiche = usize::try_from(number)
                .ok()
                .and_then(|n| fiches.get(n))
                .cloned();
            let config = random.random_range(1..=2);
            let deleted_at = (random.random_range(0..6) == 0).then(|| day(9));
            let is_latest = deleted_at.is_none() && latest.insert((number, config));
            let phase = one_of(random, &["queued", "analyzing", "completed", "failed"]);
            let hundredths = random.random_range(0..=10_000);
            // Few distinct values: equal ones are ordered by id.
            let created_at = day(random.random_range(0..10)) + TimeDelta::hours(6);
            let minutes = random.random_range(0..20);
            let error = one_of(random, &["Fiche introuvable", "deadline passed"]).to_owned();
            let source = one_of(random, &["api", "batch", "automation"]).to_owned();
            let (tokens, failed) = (random.random_range(0..900), random.random_range(0..3));
            Row {
                id,
                fiche_id: (1000 + number).to_string(),
                tracking_id: format!("t{id}"),
                audit_config_id: config,
                automation_schedule_id: maybe(random, config + 5),
                automation_run_id: maybe(random, minutes % 3 + 70),
                trigger_source: maybe(random, source),
                phase,
                niveau: one_of(random, &["PENDING", "BON", "REJET"]),
                is_compliant: random.random_range(0..2) == 0,
                score_percentage: f64::from(hundredths) / 100.0,
                duration_ms: maybe(random, minutes * 60_000),
                total_tokens: maybe(random, tokens),
                failed_steps: maybe(random, failed),
                error_message: maybe(random, error).filter(|_| phase == "failed"),
                version: i32::try_from(id).unwrap(),
                is_latest,
                deleted_at,
                created_at,
                completed_at: maybe(random, created_at + TimeDelta::minutes(minutes)),
                fiche,
            }
        })
        .collect()
}

async fn store(world: &World, rows: &[Row]) {
    let fiches: BTreeMap<_, _> = rows
        .iter()
        .filter_map(|row| row.fiche.as_ref())
        .map(|fiche| (&fiche.fiche_id, fiche))
        .collect();
    let fiches: Vec<_> = fiches.into_values().collect();
    sqlx::query(
        "INSERT INTO fiches (fiche_id, version, groupe, agence_nom, prospect_nom, prospect_email,
                             sales_date, has_recordings, recordings_count, fetched_at)
         SELECT fiche_id, 1, groupe, agence_nom, prospect_nom, prospect_email, sales_date,
                has_recordings, recordings_count, fetched_at
           FROM jsonb_populate_recordset(NULL::fiches, $1)",
    )
    .bind(serde_json::to_value(fiches).unwrap())
    .execute(world.pool())
    .await
    .unwrap();
    sqlx::query(
        "INSERT INTO audits (id, fiche_id, tracking_id, audit_config_id, automation_schedule_id,
                automation_run_id, trigger_source, phase, niveau, is_compliant, score_percentage,
                duration_ms, total_tokens, failed_steps, error_message, version, is_latest,
                deleted_at, created_at, completed_at, lane, deadline_at)
         OVERRIDING SYSTEM VALUE
         SELECT id, fiche_id, tracking_id, audit_config_id, automation_schedule_id,
                automation_run_id, trigger_source, phase, niveau, is_compliant, score_percentage,
                duration_ms, total_tokens, failed_steps, error_message, version, is_latest,
                deleted_at, created_at, completed_at, 'bulk', now()
           FROM jsonb_populate_recordset(NULL::audits, $1)",
    )
    .bind(serde_json::to_value(rows).unwrap())
    .execute(world.pool())
    .await
    .unwrap();
}

type Test = Box<dyn Fn(&Row) -> bool>;

/// Parameters with values, and what they say in plain words.
#[expect(clippy::too_many_lines, reason = "a table, a row a filter")]
fn wishes(names: &[String; 2]) -> Vec<(&'static str, String, Test)> {
    fn of_fiche(test: impl Fn(&Fiche) -> bool + 'static) -> Test {
        Box::new(move |row| row.fiche.as_ref().is_some_and(&test))
    }
    fn has(text: Option<&str>, part: &str) -> bool {
        text.is_some_and(|text| text.to_lowercase().contains(&part.to_lowercase()))
    }
    fn status(row: &Row) -> &'static str {
        match row.phase {
            "queued" => "pending",
            "completed" => "completed",
            "failed" => "failed",
            _ => "running",
        }
    }
    let date = |text: &str| text.parse::<NaiveDate>().unwrap();
    let (from, to) = (date("2026-01-03"), date("2026-01-06"));
    let names = names.clone();
    let wish = |name: &'static str, value: &str, test: Test| (name, value.to_owned(), test);
    vec![
        wish(
            "fiche_ids",
            "1001, 1002,,1031",
            Box::new(|row| ["1001", "1002", "1031"].contains(&row.fiche_id.as_str())),
        ),
        wish(
            "groupes",
            "Ouest",
            of_fiche(|fiche| fiche.groupe == Some("Ouest")),
        ),
        wish(
            "groupe_query",
            "ES",
            of_fiche(|fiche| has(fiche.groupe, "es")),
        ),
        wish(
            "agence_query",
            "nan",
            of_fiche(|fiche| has(fiche.agence_nom, "nan")),
        ),
        wish(
            "prospect_query",
            "0%",
            of_fiche(|fiche| has(fiche.prospect_nom, "0%")),
        ),
        wish(
            "prospect_query",
            "c1",
            of_fiche(|fiche| has(fiche.prospect_email.as_deref(), "c1")),
        ),
        wish(
            "sales_dates",
            "2026-01-03,2026-01-04",
            of_fiche(move |fiche| {
                fiche
                    .sales_date
                    .is_some_and(|d| d == from || d == date("2026-01-04"))
            }),
        ),
        wish(
            "sales_date_from",
            "2026-01-03",
            of_fiche(move |fiche| fiche.sales_date.is_some_and(|d| d >= from)),
        ),
        wish(
            "sales_date_to",
            "2026-01-06",
            of_fiche(move |fiche| fiche.sales_date.is_some_and(|d| d <= to)),
        ),
        wish(
            "has_recordings",
            "true",
            of_fiche(|fiche| fiche.has_recordings),
        ),
        wish(
            "has_recordings",
            "no",
            of_fiche(|fiche| !fiche.has_recordings),
        ),
        wish(
            "recordings_count_min",
            "2",
            of_fiche(|fiche| fiche.recordings_count.is_some_and(|n| n >= 2)),
        ),
        wish(
            "recordings_count_max",
            "2",
            of_fiche(|fiche| fiche.recordings_count.is_some_and(|n| n <= 2)),
        ),
        wish(
            "fetched_at_from",
            "2026-01-03T00:00:00Z",
            of_fiche(|fiche| fiche.fetched_at.is_some_and(|at| at >= day(2))),
        ),
        wish(
            "fetched_at_to",
            "2026-01-06",
            of_fiche(|fiche| fiche.fetched_at.is_some_and(|at| at < day(6))),
        ),
        wish(
            "status",
            "pending,running,x",
            Box::new(|row| ["pending", "running"].contains(&status(row))),
        ),
        wish("status", "x", Box::new(|_| true)),
        wish("is_compliant", "true", Box::new(|row| row.is_compliant)),
        wish(
            "niveau",
            "BON,REJET",
            Box::new(|row| row.niveau != "PENDING"),
        ),
        wish(
            "date_from",
            "2026-01-04",
            Box::new(|row| row.created_at >= day(3)),
        ),
        wish(
            "date_to",
            "2026-01-07",
            Box::new(|row| row.created_at < day(7)),
        ),
        wish(
            "audit_config_ids",
            "2,x",
            Box::new(|row| row.audit_config_id == 2),
        ),
        wish(
            "score_min",
            "25.5",
            Box::new(|row| row.score_percentage >= 25.5),
        ),
        wish(
            "score_max",
            "75",
            Box::new(|row| row.score_percentage <= 75.0),
        ),
        wish(
            "duration_min_ms",
            "300000",
            Box::new(|row| row.duration_ms.is_some_and(|ms| ms >= 300_000)),
        ),
        wish(
            "duration_max_ms",
            "900000",
            Box::new(|row| row.duration_ms.is_some_and(|ms| ms <= 900_000)),
        ),
        wish(
            "tokens_min",
            "200",
            Box::new(|row| row.total_tokens.is_some_and(|n| n >= 200)),
        ),
        wish(
            "tokens_max",
            "700",
            Box::new(|row| row.total_tokens.is_some_and(|n| n <= 700)),
        ),
        wish(
            "has_failed_steps",
            "true",
            Box::new(|row| row.failed_steps.is_some_and(|n| n > 0)),
        ),
        wish(
            "has_failed_steps",
            "false",
            Box::new(|row| row.failed_steps.is_none_or(|n| n == 0)),
        ),
        wish(
            "automation_schedule_ids",
            "6",
            Box::new(|row| row.automation_schedule_id == Some(6)),
        ),
        wish(
            "automation_run_ids",
            "70,71",
            Box::new(|row| row.automation_run_id.is_some_and(|id| id < 72)),
        ),
        wish(
            "trigger_source",
            "api,batch",
            Box::new(|row| {
                row.trigger_source
                    .as_deref()
                    .is_some_and(|source| source != "automation")
            }),
        ),
        wish(
            "q",
            "introuvable",
            Box::new(|row| has(row.error_message.as_deref(), "introuvable")),
        ),
        wish(
            "q",
            "LENOIR",
            of_fiche(|fiche| has(fiche.prospect_nom, "lenoir")),
        ),
        wish(
            "q",
            "12",
            Box::new(move |row| {
                let config = usize::try_from(row.audit_config_id - 1).unwrap();
                row.id == 12 || row.fiche_id.contains("12") || names[config].contains("12")
            }),
        ),
    ]
}

/// Defaults hide old and deleted ones.
fn listed(row: &Row, latest_only: bool, include_deleted: bool) -> bool {
    (row.is_latest || !latest_only) && (row.deleted_at.is_none() || include_deleted)
}

/// Nulls last in either direction, then the id.
fn compare(sort_by: &str, ascending: bool, a: &Row, b: &Row) -> Ordering {
    fn keys<T: PartialOrd>(a: Option<T>, b: Option<T>, ascending: bool) -> Ordering {
        match (a, b) {
            (Some(a), Some(b)) => {
                let order = a.partial_cmp(&b).unwrap();
                if ascending { order } else { order.reverse() }
            }
            (a, b) => b.is_some().cmp(&a.is_some()),
        }
    }
    let order = match sort_by {
        "completed_at" => keys(a.completed_at, b.completed_at, ascending),
        "score_percentage" => keys(
            Some(a.score_percentage),
            Some(b.score_percentage),
            ascending,
        ),
        "duration_ms" => keys(a.duration_ms, b.duration_ms, ascending),
        _ => keys(Some(a.created_at), Some(b.created_at), ascending),
    };
    let ids = if ascending {
        a.id.cmp(&b.id)
    } else {
        b.id.cmp(&a.id)
    };
    order.then(ids)
}

/// What a group of the model is called.
fn key(by: GroupBy, row: &Row) -> Option<String> {
    let groupe = row.fiche.as_ref().and_then(|fiche| fiche.groupe);
    match by {
        GroupBy::AuditConfig => Some(row.audit_config_id.to_string()),
        GroupBy::Niveau => Some(row.niveau.to_owned()),
        GroupBy::AutomationSchedule => row.automation_schedule_id.map(|id| id.to_string()),
        GroupBy::Groupe => Some(groupe.unwrap_or("UNKNOWN").to_owned()),
        GroupBy::CreatedDay => Some(row.created_at.format("%Y-%m-%d").to_string()),
        GroupBy::ScoreBucket(size) => {
            let size = f64::from(size);
            let low = (row.score_percentage / size).floor() * size;
            Some(format!("{low}-{}", low + size))
        }
        GroupBy::Fiche | GroupBy::Status | GroupBy::AutomationRun => None,
    }
}

#[tokio::test]
async fn lists_in_sql_are_what_a_naive_model_gives() {
    let world = World::new().await;
    let mut random = StdRng::seed_from_u64(62);
    let rows = rows(&mut random);
    store(&world, &rows).await;
    let names: Vec<String> = sqlx::query_scalar("SELECT name FROM audit_configs ORDER BY id")
        .fetch_all(world.pool())
        .await
        .unwrap();
    let wishes = wishes(&names.try_into().unwrap());
    let scope = crate::lists::scope(vigie_identity::Scope::All);
    let mut conn = world.db.acquire().await.unwrap();
    let bools = ["true", "false"];
    let columns = [
        "created_at",
        "completed_at",
        "score_percentage",
        "duration_ms",
    ];
    let groupings = [
        GroupBy::AuditConfig,
        GroupBy::Niveau,
        GroupBy::AutomationSchedule,
        GroupBy::Groupe,
        GroupBy::CreatedDay,
        GroupBy::ScoreBucket(10),
        GroupBy::ScoreBucket(7),
    ];
    let mut found = 0;
    for round in 0..300 {
        // Each wish alone first, then together.
        let chosen: Vec<usize> = match wishes.get(round) {
            Some(_) => vec![round],
            None => (0..random.random_range(0..4))
                .map(|_| random.random_range(0..wishes.len()))
                .collect(),
        };
        let (latest, deleted) = (one_of(&mut random, &bools), one_of(&mut random, &bools));
        let sort_by = one_of(&mut random, &columns);
        let ascending = random.random_range(0..2) == 0;
        let mut pairs = query(&[
            ("limit", "500"),
            ("latest_only", latest),
            ("include_deleted", deleted),
            ("sort_by", sort_by),
            ("sort_order", if ascending { "asc" } else { "desc" }),
        ]);
        // Of two wishes about one parameter the last counts, as in a query.
        let mut tests = BTreeMap::new();
        for index in &chosen {
            let (name, value, test) = &wishes[*index];
            pairs.insert((*name).to_owned(), value.clone());
            tests.insert(*name, test);
        }
        let mut expected: Vec<&Row> = rows
            .iter()
            .filter(|row| listed(row, latest == "true", deleted == "true"))
            .filter(|row| tests.values().all(|test| test(row)))
            .collect();
        expected.sort_by(|a, b| compare(sort_by, ascending, a, b));
        let filters = Filters::parse(&pairs).unwrap();
        let page = list::page(&mut conn, &filters, &scope).await.unwrap();
        let ids: Vec<i64> = page.audits.iter().map(|row| row.id).collect();
        let model: Vec<i64> = expected.iter().map(|row| row.id).collect();
        assert_eq!(ids, model, "{pairs:?}");
        assert_eq!(usize::try_from(page.total).unwrap(), model.len());
        found += model.len();

        let by = one_of(&mut random, &groupings);
        let mut counted: BTreeMap<Option<String>, i64> = BTreeMap::new();
        for row in &expected {
            *counted.entry(key(by, row)).or_default() += 1;
        }
        let groups = list::group(&mut conn, by, &filters, &scope).await.unwrap();
        assert!(groups.groups.is_sorted_by_key(|group| -group.count));
        assert_eq!(usize::try_from(groups.total).unwrap(), counted.len());
        let groups = groups
            .groups
            .into_iter()
            .map(|group| (group.key, group.count));
        assert_eq!(
            groups.collect::<BTreeMap<_, _>>(),
            counted,
            "{by:?} {pairs:?}"
        );

        let fiches: HashSet<&str> = expected.iter().map(|row| row.fiche_id.as_str()).collect();
        let page = list::by_fiches(&mut conn, &filters, &scope).await.unwrap();
        assert_eq!(usize::try_from(page.total).unwrap(), fiches.len());
        let audits: usize = page.fiches.iter().map(|(_, audits)| audits.len()).sum();
        assert_eq!(audits, model.len(), "{pairs:?}");
    }
    assert!(found > 1000, "the wishes found next to nothing");
}
