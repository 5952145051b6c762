//! Generated audits and fiches, and how they are stored.

use crate::world::World;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use rand::RngExt;
use rand::rngs::StdRng;
use serde::Serialize;
use std::collections::{BTreeMap, HashSet};

pub(super) const FICHES: i64 = 30;
pub(super) const AUDITS: i64 = 240;

/// An audit and its fiche in one.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Row {
    pub(super) id: i64,
    pub(super) fiche_id: String,
    pub(super) tracking_id: String,
    pub(super) audit_config_id: i64,
    pub(super) automation_schedule_id: Option<i64>,
    pub(super) automation_run_id: Option<i64>,
    pub(super) trigger_source: Option<String>,
    pub(super) phase: &'static str,
    pub(super) niveau: &'static str,
    pub(super) is_compliant: bool,
    pub(super) score_percentage: f64,
    pub(super) duration_ms: Option<i64>,
    pub(super) total_tokens: Option<i64>,
    pub(super) failed_steps: Option<i32>,
    pub(super) error_message: Option<String>,
    pub(super) version: i32,
    pub(super) is_latest: bool,
    pub(super) deleted_at: Option<DateTime<Utc>>,
    pub(super) created_at: DateTime<Utc>,
    pub(super) completed_at: Option<DateTime<Utc>>,
    #[serde(skip)]
    pub(super) fiche: Option<Fiche>,
}

#[derive(Debug, Clone, Serialize)]
#[expect(clippy::struct_field_names, reason = "the columns, under their names")]
pub(super) struct Fiche {
    pub(super) fiche_id: String,
    pub(super) groupe: Option<&'static str>,
    pub(super) agence_nom: Option<&'static str>,
    pub(super) prospect_nom: Option<&'static str>,
    pub(super) prospect_email: Option<String>,
    pub(super) sales_date: Option<NaiveDate>,
    pub(super) has_recordings: bool,
    pub(super) recordings_count: Option<i32>,
    pub(super) fetched_at: Option<DateTime<Utc>>,
}

pub(super) fn day(day: i64) -> DateTime<Utc> {
    let start: DateTime<Utc> = "2026-01-01T00:00:00Z".parse().unwrap();
    start + TimeDelta::days(day)
}

pub(super) fn one_of<T: Copy>(random: &mut StdRng, items: &[T]) -> T {
    items[random.random_range(0..items.len())]
}

pub(super) fn maybe<T>(random: &mut StdRng, value: T) -> Option<T> {
    (random.random_range(0..4) > 0).then_some(value)
}

pub(super) fn fiche(random: &mut StdRng, id: i64) -> Fiche {
    let date = day(random.random_range(0..10));
    let (email, count) = (format!("c{id}@exemple.test"), random.random_range(0..4));
    Fiche {
        fiche_id: (1000 + id).to_string(),
        groupe: one_of(random, &[Some("Ouest"), Some("Est"), None]),
        agence_nom: one_of(random, &[Some("Nantes"), Some("Lyon"), None]),
        prospect_nom: one_of(
            random,
            &[Some("Lenoir"), Some("Élan 50%"), Some(r"Jan\o"), None],
        ),
        prospect_email: maybe(random, email),
        sales_date: maybe(random, date.date_naive()),
        has_recordings: count > 0,
        recordings_count: maybe(random, count),
        fetched_at: maybe(random, date),
    }
}

pub(super) fn rows(random: &mut StdRng) -> Vec<Row> {
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

pub(super) async fn store(world: &World, rows: &[Row]) {
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
