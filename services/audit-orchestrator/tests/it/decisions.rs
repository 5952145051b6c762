//! Human decisions: a layer over the AI's, revocable, in scope, one at a time.

use crate::facts::{analyzed, proven};
use crate::neighbours::{Script, serve};
use crate::world::World;
use chrono::{DateTime, Utc};
use std::sync::Arc;
use tokio_util::task::TaskTracker;
use tonic::{Request, Status};
use vigie_audit_orchestrator::app::AppState;
use vigie_audit_orchestrator::rpc::reviews::ReviewRpc;
use vigie_contracts::audit::v1 as pb;
use vigie_contracts::audit::v1::review_service_server::ReviewService;
use vigie_events::ids::{AuditId, UserId};
use vigie_identity::{Caller, Grant, Principal, PrincipalKind, Scope, ServiceName};
use vigie_service::{ErrorCode, WireError};

/// Scores of vector A1 of 5.5.
const A1: [i32; 6] = [10, 10, 9, 8, 8, 5];

pub struct Reviews {
    pub world: World,
    pub rpc: ReviewRpc,
}

impl Reviews {
    pub async fn new() -> Self {
        Self::of(World::new().await).await
    }

    pub async fn of(world: World) -> Self {
        let neighbours = serve(Script::default(), &TaskTracker::new()).await;
        let state = AppState {
            db: world.db.clone(),
            workflow: world.workflow.clone(),
            neighbours,
        };
        Self {
            rpc: ReviewRpc::new(state),
            world,
        }
    }

    /// A completed audit of 6 steps, all proven; `failed` is a step whose analysis failed.
    pub async fn completed(&self, fiche: &str, failed: Option<i32>) -> AuditId {
        let world = &self.world;
        world.project(fiche, Some("Equipe Ouest"), None).await;
        let config = world.config(6).await;
        let id = world.analyzing(fiche, &config).await;
        let audit = world.audit(id).await;
        let facts = config.steps.iter().zip(A1).map(|(step, score)| {
            let result = if failed == Some(step.position) {
                Err("model away")
            } else {
                Ok(proven(step, score))
            };
            analyzed(&audit, step.position, result)
        });
        world.record(facts.collect()).await;
        id
    }

    pub async fn decide(&self, request: pb::ReviewStepRequest) -> Result<pb::StepResult, Status> {
        let answer = self.rpc.review_step(by(user(Scope::All), request)).await?;
        Ok(answer.into_inner().step.unwrap())
    }

    pub async fn decide_point(
        &self,
        request: pb::ReviewControlPointRequest,
    ) -> Result<pb::ReviewedControlPoint, Status> {
        let answer = self.rpc.review_control_point(by(user(Scope::All), request));
        Ok(answer.await?.into_inner().control_point.unwrap())
    }

    /// Everything that is in force of an audit: its summary, its steps, its points.
    pub async fn in_force(&self, id: AuditId) -> Vec<String> {
        let row = self.world.listed(id).await;
        let mut rows = vec![format!(
            "{} {} {} {} {:?}",
            row.score_percentage,
            row.niveau,
            row.critical_passed,
            row.is_compliant,
            row.total_tokens
        )];
        for sql in [
            "SELECT concat_ws(' ', step_position, traite, conforme, score, niveau_conformite,
                              total_citations, minutages)
               FROM audit_step_results WHERE audit_id = $1 ORDER BY step_position",
            "SELECT concat_ws(' ', step_position, control_point_index, statut, commentaire,
                              human_statut)
               FROM audit_step_result_control_points WHERE audit_id = $1
              ORDER BY step_position, control_point_index",
        ] {
            let found: Vec<String> = sqlx::query_scalar(sql)
                .bind(id.get())
                .fetch_all(self.world.pool())
                .await
                .unwrap();
            rows.extend(found);
        }
        rows
    }
}

pub fn user(scope: Scope) -> Caller {
    let grant = Grant {
        key: "audits".to_owned(),
        read: true,
        write: true,
        read_scope: scope,
        write_scope: scope,
    };
    let principal = Principal {
        kind: PrincipalKind::User(UserId::new(12)),
        email: "a@b.test".to_owned(),
        roles: Vec::new(),
        crm_user_id: None,
        groupes: vec!["Equipe Est".to_owned()],
        groupe_names: vec!["Equipe Est".to_owned()],
        grants: vec![grant],
        session: None,
        version: 1,
        expires_at: DateTime::<Utc>::MAX_UTC,
    };
    Caller {
        principal: Some(Arc::new(principal)),
        service: Some(ServiceName::Gateway),
        token: None,
    }
}

pub fn by<T>(caller: Caller, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.extensions_mut().insert(caller);
    request
}

pub fn code(status: &Status) -> ErrorCode {
    WireError::from(status).code
}

pub fn step(id: AuditId, position: i32, conforme: &str) -> pb::ReviewStepRequest {
    pb::ReviewStepRequest {
        audit_id: id.to_string(),
        step_position: position,
        conforme: conforme.to_owned(),
        ..pb::ReviewStepRequest::default()
    }
}

pub fn point(
    id: AuditId,
    position: i32,
    index: i32,
    statut: &str,
) -> pb::ReviewControlPointRequest {
    pb::ReviewControlPointRequest {
        audit_id: id.to_string(),
        step_position: position,
        control_point_index: index,
        statut: Some(statut.to_owned()),
        ..pb::ReviewControlPointRequest::default()
    }
}

#[tokio::test]
async fn a_critical_step_decided_partial_rejects_the_audit_as_vector_a3() {
    let reviews = Reviews::new().await;
    let id = reviews.completed("44", None).await;
    let before = reviews.in_force(id).await;
    assert!(
        before[0].starts_with("100 EXCELLENT 3 true"),
        "{}",
        before[0]
    );

    let mut request = step(id, 4, "PARTIEL");
    request.reason = Some("réécouté".to_owned());
    let decided = reviews.decide(request).await.unwrap();
    assert_eq!((decided.conforme.as_str(), decided.score), ("PARTIEL", 8));
    let row = reviews.world.listed(id).await;
    assert_eq!(row.niveau, "REJET");
    assert_eq!(
        (row.critical_passed, row.score_percentage.as_str()),
        (2, "100")
    );
    let snapshot: serde_json::Value = serde_json::from_str(&row.result_data.unwrap()).unwrap();
    assert_eq!(snapshot["audit"]["compliance"]["niveau"], "REJET");
    assert_eq!(
        snapshot["audit"]["results"]["compliance"]["points_critiques"],
        "2/3"
    );

    let told = &reviews.world.payloads("audit.review_applied").await[0];
    assert_eq!(told["step_position"], 4);
    assert_eq!(told["revoked"], false);
    assert_eq!(told["niveau"], "REJET");
    assert_eq!(told["sequence"], reviews.world.audit(id).await.sequence);
    let channels: Vec<String> = sqlx::query_scalar(
        "SELECT channels::text FROM outbox WHERE event = 'audit.review_applied'",
    )
    .fetch_all(reviews.world.pool())
    .await
    .unwrap();
    let tracking = reviews.world.audit(id).await.tracking;
    for channel in [
        format!("audit-{id}"),
        format!("audit-{tracking}"),
        "fiche-44".to_owned(),
    ] {
        assert!(channels[0].contains(&channel), "{channels:?}");
    }

    // Taken back, all is as before; the trail keeps both.
    let revoke = pb::RevokeStepReviewRequest {
        audit_id: id.to_string(),
        step_position: 4,
        ..pb::RevokeStepReviewRequest::default()
    };
    let revoked = reviews
        .rpc
        .revoke_step_review(by(user(Scope::All), revoke.clone()));
    assert_eq!(
        revoked.await.unwrap().into_inner().step.unwrap().conforme,
        "CONFORME"
    );
    assert_eq!(reviews.in_force(id).await, before);
    let again = reviews
        .rpc
        .revoke_step_review(by(user(Scope::All), revoke))
        .await;
    assert_eq!(code(&again.unwrap_err()), ErrorCode::NotFound);
    let trail = "SELECT count(*) FROM audit_step_result_human_reviews
                  WHERE reviewer_user_id = '12' AND reviewer = 'a@b.test'";
    assert_eq!(reviews.world.count(trail).await, 2);
}

#[tokio::test]
async fn a_decided_point_derives_its_step_and_its_revocation_restores_it() {
    let reviews = Reviews::new().await;
    let id = reviews.completed("44", None).await;
    let before = reviews.in_force(id).await;
    let config = reviews.world.config(6).await;
    let definition = config.step(3).unwrap();
    let points = i32::try_from(definition.control_points.len()).unwrap();
    for index in 1..=points {
        let decided = reviews
            .decide_point(point(id, 3, index, "ABSENT"))
            .await
            .unwrap();
        assert_eq!(
            (decided.statut.as_str(), decided.verdict_source.as_str()),
            ("ABSENT", "human")
        );
    }
    // 5.4: nothing present gives nothing; the audit loses its 9 points of 50.
    let row = reviews.world.listed(id).await;
    assert_eq!(
        (row.score_percentage.as_str(), row.niveau.as_str()),
        ("82", "BON")
    );
    let citations =
        "SELECT total_citations::bigint FROM audit_step_results WHERE step_position = 3";
    assert_eq!(reviews.world.count(citations).await, 0);
    let kept = "SELECT count(*) FROM audit_step_result_citations WHERE step_position = 3";
    assert_eq!(
        reviews.world.count(kept).await,
        i64::from(points),
        "kept, not counted"
    );
    for index in 1..=points {
        let revoke = pb::RevokeControlPointReviewRequest {
            audit_id: id.to_string(),
            step_position: 3,
            control_point_index: index,
            ..pb::RevokeControlPointReviewRequest::default()
        };
        let revoked = reviews
            .rpc
            .revoke_control_point_review(by(user(Scope::All), revoke));
        let shown = revoked.await.unwrap().into_inner().control_point.unwrap();
        assert_eq!(
            (shown.statut.as_str(), shown.verdict_source.as_str()),
            ("PRESENT", "ai")
        );
    }
    assert_eq!(reviews.in_force(id).await, before);
}

#[tokio::test]
async fn what_cannot_be_decided_is_refused_and_changes_nothing() {
    let reviews = Reviews::new().await;
    let id = reviews.completed("44", None).await;
    let before = reviews.in_force(id).await;
    let refused = async |request| code(&reviews.decide(request).await.unwrap_err());
    assert_eq!(refused(step(id, 99, "PARTIEL")).await, ErrorCode::NotFound);
    let nobodys = reviews.decide(step(AuditId::new(77_777), 1, "PARTIEL"));
    let nobodys = WireError::from(&nobodys.await.unwrap_err());
    assert_eq!(nobodys.code, ErrorCode::NotFound);
    let message = "Audit step result with ID '77777:1' not found";
    assert_eq!(nobodys.message, message);
    assert_eq!(refused(step(id, 1, "OUI")).await, ErrorCode::Validation);
    let negative = pb::ReviewStepRequest {
        score: Some(-1),
        ..step(id, 1, "PARTIEL")
    };
    assert_eq!(refused(negative).await, ErrorCode::Validation);
    let stale = pb::ReviewStepRequest {
        lock_version: Some(7),
        ..step(id, 1, "PARTIEL")
    };
    assert_eq!(refused(stale).await, ErrorCode::Conflict);
    let missing = reviews
        .decide_point(point(id, 1, 99, "ABSENT"))
        .await
        .unwrap_err();
    assert_eq!(
        WireError::from(&missing).message,
        format!("Audit control point with ID '{id}:1:99' not found")
    );
    let nothing = pb::ReviewControlPointRequest {
        statut: None,
        ..point(id, 1, 1, "")
    };
    let nothing = reviews.decide_point(nothing).await.unwrap_err();
    assert_eq!(code(&nothing), ErrorCode::Validation);
    let foreign = by(user(Scope::Group), step(id, 1, "PARTIEL"));
    let foreign = reviews.rpc.review_step(foreign).await.unwrap_err();
    assert_eq!(code(&foreign), ErrorCode::Authorization);
    assert_eq!(reviews.in_force(id).await, before);

    let config = reviews.world.config(6).await;
    let open = reviews.world.analyzing("45", &config).await;
    assert_eq!(refused(step(open, 1, "PARTIEL")).await, ErrorCode::Conflict);
    reviews
        .world
        .execute("UPDATE audits SET deleted_at = now()")
        .await;
    assert_eq!(refused(step(id, 1, "PARTIEL")).await, ErrorCode::Conflict);
}

#[tokio::test]
async fn of_two_decisions_on_what_both_read_one_is_refused() {
    let reviews = Reviews::new().await;
    let id = reviews.completed("44", None).await;
    let read = |conforme| pb::ReviewStepRequest {
        lock_version: Some(0),
        ..step(id, 1, conforme)
    };
    let (one, other) = futures::future::join(
        reviews.decide(read("PARTIEL")),
        reviews.decide(read("NON_CONFORME")),
    )
    .await;
    assert!(one.is_ok() != other.is_ok());
    let error = one.err().or(other.err()).unwrap();
    assert_eq!(code(&error), ErrorCode::Conflict);
}
