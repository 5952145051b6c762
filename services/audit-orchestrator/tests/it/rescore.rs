//! Stored audits under changed weights: the same as scoring anew from facts, and never a model call.

use crate::decisions::{Reviews, by, code, point, step, user};
use crate::neighbours::{Script, serve};
use tokio_util::task::TaskTracker;
use tonic::Status;
use vigie_audit_orchestrator::app::AppState;
use vigie_audit_orchestrator::rpc::rescore::RescoreRpc;
use vigie_contracts::audit::v1 as pb;
use vigie_contracts::audit::v1::rescore_service_server::RescoreService;
use vigie_events::ids::AuditId;
use vigie_identity::Scope;
use vigie_service::ErrorCode;

/// Weights of the six steps, 10 10 9 8 8 5 before, and a critical flag that goes.
const OTHERS: &str = "
    UPDATE audit_steps
       SET weight = (ARRAY[2, 10, 1, 10, 8, 9])[position],
           is_critical = is_critical AND position <> 4
     WHERE audit_config_id = (SELECT id FROM audit_configs ORDER BY id DESC LIMIT 1)";
const REVISE: &str = "UPDATE audit_configs SET revision = revision + 1";

struct Rescores {
    reviews: Reviews,
    rpc: RescoreRpc,
    config: String,
}

impl Rescores {
    async fn new() -> Self {
        let reviews = Reviews::new().await;
        let neighbours = serve(Script::default(), &TaskTracker::new()).await;
        let state = AppState {
            db: reviews.world.db.clone(),
            workflow: reviews.world.workflow.clone(),
            neighbours,
        };
        let config = reviews.world.config(6).await.id;
        Self {
            rpc: RescoreRpc::new(state),
            reviews,
            config,
        }
    }

    async fn ask(
        &self,
        change: impl FnOnce(&mut pb::RescoreAuditsRequest),
    ) -> Result<pb::RescoreAuditsResponse, Status> {
        let mut request = pb::RescoreAuditsRequest {
            audit_config_id: self.config.clone(),
            batch: 100,
            ..pb::RescoreAuditsRequest::default()
        };
        change(&mut request);
        let answer = self.rpc.rescore_audits(by(user(Scope::All), request));
        Ok(answer.await?.into_inner())
    }

    async fn preview(&self) -> pb::RescoreAuditsResponse {
        self.ask(|_| {}).await.unwrap()
    }

    async fn apply(&self) -> pb::RescoreAuditsResponse {
        self.ask(|request| request.apply = true).await.unwrap()
    }

    async fn reweigh(&self) {
        self.reviews.world.execute(OTHERS).await;
        self.reviews.world.execute(REVISE).await;
    }

    /// Score and critical steps as the rows of the steps give them (5.5), summed up by the database.
    async fn summed(&self, id: AuditId) -> (String, i64, i64) {
        sqlx::query_as(
            "SELECT trim_scale(round(100.0 * sum(LEAST(GREATEST(score, 0), weight)) / sum(weight), 2))::text,
                    count(*) FILTER (WHERE is_critical AND conforme = 'CONFORME'),
                    count(*) FILTER (WHERE is_critical)
               FROM audit_step_results WHERE audit_id = $1",
        )
        .bind(id.get())
        .fetch_one(self.reviews.world.pool())
        .await
        .unwrap()
    }

    /// Weight and score of each step.
    async fn steps(&self, id: AuditId) -> Vec<(i32, i32)> {
        sqlx::query_as(
            "SELECT weight, score FROM audit_step_results WHERE audit_id = $1 ORDER BY step_position",
        )
        .bind(id.get())
        .fetch_all(self.reviews.world.pool())
        .await
        .unwrap()
    }

    async fn revision(&self, id: AuditId) -> i32 {
        sqlx::query_scalar("SELECT scorecard_revision FROM audits WHERE id = $1")
            .bind(id.get())
            .fetch_one(self.reviews.world.pool())
            .await
            .unwrap()
    }
}

#[tokio::test]
async fn the_same_weights_move_nothing() {
    let rescores = Rescores::new().await;
    let id = rescores.reviews.completed("44", Some(3)).await;
    let before = rescores.reviews.in_force(id).await;
    let sequence = rescores.reviews.world.audit(id).await.sequence;
    for answer in [rescores.preview().await, rescores.apply().await] {
        assert_eq!((answer.looked, answer.reweighed, answer.moved), (1, 0, 0));
        assert_eq!(answer.last_id, id.to_string());
    }
    assert_eq!(rescores.reviews.in_force(id).await, before);
    assert_eq!(rescores.revision(id).await, 1);
    assert_eq!(rescores.reviews.world.audit(id).await.sequence, sequence);
}

#[tokio::test]
async fn a_preview_tells_what_is_done_then_and_once() {
    let rescores = Rescores::new().await;
    let world = &rescores.reviews.world;
    let whole = rescores.reviews.completed("44", None).await;
    let broken = rescores.reviews.completed("45", Some(4)).await;
    let calls = world.count("SELECT count(*) FROM audit_model_calls").await;
    rescores.reweigh().await;

    let before = rescores.reviews.in_force(broken).await;
    let preview = rescores.preview().await;
    assert_eq!(rescores.reviews.in_force(broken).await, before);
    assert_eq!(
        (preview.looked, preview.reweighed, preview.moved),
        (2, 2, 1)
    );
    // Step 4 of the second fell back: its 0 of 8 is 0 of 10 now, and rejects no more.
    let moved = &preview.moves[0];
    assert_eq!(moved.audit_id, broken.to_string());
    assert_eq!(
        (
            &*moved.niveau_before,
            moved.compliant_before,
            moved.compliant_after
        ),
        ("REJET", false, true)
    );
    assert_eq!((preview.niveau_changed, preview.compliance_changed), (1, 1));

    let done = rescores.apply().await;
    assert_eq!(done, preview);
    for id in [whole, broken] {
        let row = world.listed(id).await;
        let (score, passed, critical) = rescores.summed(id).await;
        assert_eq!(row.score_percentage, score);
        assert_eq!(
            (
                i64::from(row.critical_passed),
                i64::from(row.critical_total)
            ),
            (passed, critical)
        );
        let snapshot: serde_json::Value = serde_json::from_str(&row.result_data.unwrap()).unwrap();
        assert_eq!(
            snapshot["audit"]["compliance"]["niveau"],
            row.niveau.as_str()
        );
        assert_eq!(rescores.revision(id).await, 2);
    }
    // Out of the new weights as out of the old ones; what fell back has nothing.
    let steps = [(2, 2), (10, 10), (1, 1), (10, 0), (8, 8), (9, 9)];
    assert_eq!(rescores.steps(broken).await, steps);
    let row = world.listed(broken).await;
    assert_eq!(
        (&*row.score_percentage, &*row.niveau, row.critical_total),
        ("75", "BON", 2)
    );
    assert!((moved.score_after - 75.0).abs() < f64::EPSILON);
    let told = world.payloads("audit.compliance_calculated").await;
    let told = told.last().unwrap();
    assert_eq!(
        (&told["niveau"], &told["score_percentage"]),
        (&"BON".into(), &"75.00%".into())
    );
    assert_eq!(told["sequence"], world.audit(broken).await.sequence);
    let lines = "SELECT count(*) FROM workflow_logs WHERE step_name = 'rescored'";
    assert_eq!(world.count(lines).await, 2);

    let again = rescores.apply().await;
    assert_eq!((again.looked, again.reweighed), (2, 0));
    assert_eq!(rescores.revision(broken).await, 2);
    let paid = world.count("SELECT count(*) FROM audit_model_calls").await;
    assert_eq!(paid, calls, "no model was asked");
}

#[tokio::test]
async fn what_people_decided_stays() {
    let rescores = Rescores::new().await;
    let reviews = &rescores.reviews;
    let id = reviews.completed("44", None).await;
    let mut decision = step(id, 1, "PARTIEL");
    decision.score = Some(1);
    reviews.decide(decision).await.unwrap();
    reviews
        .decide_point(point(id, 6, 1, "ABSENT"))
        .await
        .unwrap();
    rescores.reweigh().await;
    let preview = rescores.preview().await;
    assert_eq!(rescores.apply().await, preview);

    let row = reviews.world.listed(id).await;
    let (score, passed, critical) = rescores.summed(id).await;
    assert_eq!(row.score_percentage, score);
    assert_eq!((passed, critical, &*row.niveau), (1, 2, "REJET"));
    let steps = rescores.steps(id).await;
    assert_eq!(steps[0], (2, 1), "decided");
    // Derived from the statuts in force, of which one is a person's.
    let points: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM audit_step_result_control_points WHERE audit_id = $1 AND step_position = 6",
    )
    .bind(id.get())
    .fetch_one(reviews.world.pool())
    .await
    .unwrap();
    let derived = (2 * 9 * (points - 1) + points) / (2 * points);
    assert_eq!((steps[5].0, i64::from(steps[5].1)), (9, derived));
    let human = "SELECT count(*) FROM audit_step_result_control_points WHERE human_statut";
    assert_eq!(reviews.world.count(human).await, 1);
}

#[tokio::test]
async fn audits_that_run_failed_or_are_deleted_are_left_alone() {
    let rescores = Rescores::new().await;
    let world = &rescores.reviews.world;
    let config = world.config(6).await;
    let deleted = rescores.reviews.completed("43", None).await;
    world
        .execute("UPDATE audits SET deleted_at = now(), is_latest = false")
        .await;
    world.analyzing("44", &config).await;
    let before = rescores.reviews.in_force(deleted).await;
    rescores.reweigh().await;
    let done = rescores.apply().await;
    assert_eq!((done.looked, done.last_id.as_str()), (0, ""));
    assert_eq!(rescores.reviews.in_force(deleted).await, before);
}

#[tokio::test]
async fn batches_go_on_where_they_stopped() {
    let rescores = Rescores::new().await;
    let mut audits = Vec::new();
    for fiche in ["43", "44", "45"] {
        audits.push(rescores.reviews.completed(fiche, Some(2)).await);
    }
    rescores.reweigh().await;
    let (mut after, mut moved) = (String::new(), 0);
    for id in &audits {
        let asked = rescores.ask(|request| {
            request.batch = 1;
            request.after_id.clone_from(&after);
            request.apply = true;
        });
        let answer = asked.await.unwrap();
        assert_eq!(answer.last_id, id.to_string());
        moved += answer.moved;
        after = answer.last_id;
    }
    assert_eq!(moved, 3);
    let last = rescores.ask(|request| request.after_id = after).await;
    assert_eq!(last.unwrap().looked, 0);
}

#[tokio::test]
async fn who_may_not_and_what_cannot_be_is_refused() {
    let rescores = Rescores::new().await;
    let refused = |error: Result<pb::RescoreAuditsResponse, Status>| code(&error.unwrap_err());
    let asked = rescores.ask(|request| request.batch = 501).await;
    assert_eq!(refused(asked), ErrorCode::Validation);
    let asked = rescores.ask(|request| request.after_id = "x".to_owned());
    assert_eq!(refused(asked.await), ErrorCode::Validation);
    let asked = rescores.ask(|request| request.audit_config_id = "x".to_owned());
    assert_eq!(refused(asked.await), ErrorCode::Validation);
    let asked = rescores.ask(|request| request.audit_config_id = "999".to_owned());
    let told = crate::callers::wire(&asked.await.unwrap_err());
    let message = "Audit config with ID '999' not found".to_owned();
    assert_eq!(told, (ErrorCode::NotFound, message));
    let seen = rescores.preview().await.revision;
    rescores.reweigh().await;
    let asked = rescores.ask(|request| request.revision = seen).await;
    assert_eq!(refused(asked), ErrorCode::Conflict);
    let request = pb::RescoreAuditsRequest {
        audit_config_id: rescores.config.clone(),
        batch: 1,
        ..pb::RescoreAuditsRequest::default()
    };
    let asked = rescores.rpc.rescore_audits(by(user(Scope::Group), request));
    assert_eq!(code(&asked.await.unwrap_err()), ErrorCode::Authorization);
}
