//! Runs begun and joined, many at once: one statement each, fiches in one order.

use crate::domain::run::Source;
use sqlx::PgConnection;
use std::time::Duration;
use uuid::Uuid;
use vigie_events::Lane;
use vigie_events::ids::AutomationRunId;
use vigie_events::transcription::Priority;

/// One fiche that is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The fiche.
    pub fiche: &'a str,
    /// `ce-id` of the command.
    pub request_id: &'a str,
}

/// What the runs of one request have in common.
#[derive(Debug, Clone, Copy)]
pub struct Terms<'a> {
    /// As asked.
    pub priority: Priority,
    /// Where their work will wait.
    pub lane: Lane,
    /// Who asks.
    pub source: Source,
    /// The same, by name.
    pub by: Option<&'a str>,
    /// Transcribe again.
    pub force: bool,
    /// The automation run that asks.
    pub automation_run: Option<AutomationRunId>,
    /// Whether a batch counts them.
    pub batched: bool,
    /// How long a run may take.
    pub deadline: Duration,
    /// Whether `workflow_logs` are written.
    pub log: bool,
}

impl Terms<'_> {
    fn logged(&self) -> serde_json::Value {
        serde_json::json!({"source": self.source.as_str(), "by": self.by,
            "priority": self.priority.as_str(), "lane": self.lane.as_str(), "force": self.force})
    }
}

/// A run of a fiche.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunOf {
    /// The fiche.
    pub fiche_id: String,
    /// The run.
    pub run_id: Uuid,
}

/// A run that was open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Joined {
    /// The fiche.
    pub fiche_id: String,
    /// The run.
    pub run_id: Uuid,
    /// Its work waited in the lane of schedules, and now a person waits for it.
    pub promoted: bool,
}

fn columns<'a>(asked: &[Asked<'a>]) -> (Vec<&'a str>, Vec<&'a str>) {
    asked.iter().map(|it| (it.fiche, it.request_id)).unzip()
}

/// Begins a run in `planned` for each fiche that has no open one.
#[tracing::instrument(name = "store.open.insert", skip_all, err)]
pub async fn insert(
    conn: &mut PgConnection,
    asked: &[Asked<'_>],
    terms: &Terms<'_>,
) -> sqlx::Result<Vec<RunOf>> {
    let ids: Vec<Uuid> = asked.iter().map(|_| Uuid::now_v7()).collect();
    let (fiches, requests) = columns(asked);
    sqlx::query_as!(
        RunOf,
        "WITH started AS (
             INSERT INTO transcription_runs
                 (run_id, fiche_id, priority, lane, source, force, request_ids, automation_run_id,
                  correlation_id, deadline_at, batched)
             SELECT run_id, fiche, $4, $5, $6, $7, ARRAY[request], $8, request,
                    now() + make_interval(secs => $9), $10
               FROM UNNEST($1::uuid[], $2::text[], $3::text[]) AS a (run_id, fiche, request)
              ORDER BY fiche
             ON CONFLICT (fiche_id) WHERE state IN ('planned', 'running') DO NOTHING
             RETURNING run_id, fiche_id, correlation_id
         ), logged AS (
             INSERT INTO workflow_logs
                 (workflow, level, message, entity_type, entity_id, trace_id, event_id, step_name,
                  data)
             SELECT 'transcription', 'info', 'transcription asked for', 'fiche', fiche_id,
                    run_id::text, correlation_id, 'request', $12::jsonb::json
               FROM started WHERE $11
         )
         SELECT fiche_id, run_id FROM started",
        &ids,
        &fiches as &[&str],
        &requests as &[&str],
        terms.priority.as_str(),
        terms.lane.as_str(),
        terms.source.as_str(),
        terms.force,
        terms.automation_run.map(AutomationRunId::get),
        terms.deadline.as_secs_f64(),
        terms.batched,
        terms.log,
        terms.logged()
    )
    .fetch_all(conn)
    .await
}

/// Adds requests to the open runs of their fiches; fiches without one are left out. A run that is
/// not planned yet also takes over the wish to transcribe again, and one that waits in the lane of
/// schedules moves to that of who asks now.
#[tracing::instrument(name = "store.open.join", skip_all, err)]
pub async fn join(
    conn: &mut PgConnection,
    asked: &[Asked<'_>],
    terms: &Terms<'_>,
) -> sqlx::Result<Vec<Joined>> {
    let (fiches, requests) = columns(asked);
    sqlx::query_as!(
        Joined,
        r#"WITH open AS (
             SELECT r.run_id, r.lane, a.request
               FROM transcription_runs r
               JOIN UNNEST($1::text[], $2::text[]) AS a (fiche, request) ON r.fiche_id = a.fiche
              WHERE r.state IN ('planned', 'running')
              ORDER BY r.fiche_id FOR NO KEY UPDATE OF r
         ), joined AS (
             UPDATE transcription_runs AS r
                SET request_ids = CASE WHEN open.request = ANY (r.request_ids) THEN r.request_ids
                                       ELSE array_append(r.request_ids, open.request) END,
                    force = r.force OR ($3 AND r.state = 'planned'),
                    batched = r.batched OR $4,
                    lane = CASE WHEN $5 THEN 'interactive' ELSE r.lane END,
                    deadline_at = CASE WHEN $5 AND open.lane = 'bulk'
                        THEN LEAST(r.deadline_at, now() + make_interval(secs => $6))
                        ELSE r.deadline_at END
               FROM open WHERE r.run_id = open.run_id
             RETURNING r.run_id, r.fiche_id, open.request, open.lane <> r.lane AS promoted
         ), logged AS (
             INSERT INTO workflow_logs
                 (workflow, level, message, entity_type, entity_id, trace_id, event_id, step_name,
                  data)
             SELECT 'transcription', 'info', 'transcription asked for, open run joined', 'fiche',
                    fiche_id, run_id::text, request, 'request', $8::jsonb::json
               FROM joined WHERE $7
         )
         SELECT fiche_id, run_id, promoted AS "promoted!" FROM joined"#,
        &fiches as &[&str],
        &requests as &[&str],
        terms.force,
        terms.batched,
        terms.lane == Lane::Interactive,
        terms.deadline.as_secs_f64(),
        terms.log,
        terms.logged()
    )
    .fetch_all(conn)
    .await
}
