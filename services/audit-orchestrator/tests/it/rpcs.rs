//! RPCs: what is answered, refused and written.

use crate::callers::{by, service, user, wire};
use crate::neighbours::{Script, serve};
use crate::world::World;
use tokio_util::task::TaskTracker;
use tonic::{Code, Request};
use vigie_audit_orchestrator::app::AppState;
use vigie_audit_orchestrator::rpc::AuditRpc;
use vigie_contracts::audit::v1::audit_service_server::AuditService;
use vigie_contracts::audit::v1::{
    CheckChannelRequest, GetAuditContextRequest, GetAuditRequest, ListAuditsRequest,
    ListByFicheRequest, ResolveConfigsRequest, RunAuditRequest, RunLatestRequest,
};
use vigie_identity::{Scope, ServiceName};
use vigie_service::ErrorCode;

struct Rpcs {
    world: World,
    rpc: AuditRpc,
}

async fn rpcs() -> Rpcs {
    rpcs_beside(Script::default()).await
}

async fn rpcs_beside(script: Script) -> Rpcs {
    let world = World::new().await;
    let neighbours = serve(script, &TaskTracker::new()).await;
    let (db, workflow) = (world.db.clone(), world.workflow.clone());
    Rpcs {
        rpc: AuditRpc::new(AppState {
            db,
            workflow,
            neighbours,
        }),
        world,
    }
}

fn run(fiche: &str, config: &str) -> RunAuditRequest {
    RunAuditRequest {
        fiche_id: fiche.to_owned(),
        audit_config_id: config.to_owned(),
        user_id: Some("somebody else".to_owned()),
        ..RunAuditRequest::default()
    }
}

/// The stored snapshot of an audit.
async fn snapshot(world: &World, id: &str) -> serde_json::Value {
    let row = world.listed(id.parse().unwrap()).await;
    serde_json::from_str(&row.result_data.unwrap()).unwrap()
}

#[tokio::test]
async fn a_run_is_a_row_and_its_command() {
    let Rpcs { world, rpc } = rpcs().await;
    let config = world.config(6).await;
    let request = by(user(Scope::Group, true), run("44", &config.id));
    let answer = rpc.run_audit(request).await.unwrap().into_inner();
    assert_eq!(answer.event_id, answer.tracking_id);
    assert!(
        answer
            .tracking_id
            .starts_with(&format!("audit-44-{}-", config.id))
    );
    assert_eq!(answer.phase, "queued");
    let pending = snapshot(&world, &answer.audit_id).await;
    assert_eq!(pending["audit_id"], answer.tracking_id);
    assert_eq!(pending["status"], "pending");
    assert!(pending["started_at"].is_null());
    assert_eq!(pending["approach"]["transcript_mode"], "prompt");
    let row = world.listed(answer.audit_id.parse().unwrap()).await;
    assert_eq!(
        (row.status.as_str(), row.trigger_source.as_deref()),
        ("pending", Some("api"))
    );
    // The user's own id: only machines speak for others.
    assert_eq!(row.trigger_user_id.as_deref(), Some("12"));
    assert_eq!(
        (row.fiche_cache_id, row.groupe.as_deref()),
        (Some(5120), Some("Equipe Ouest"))
    );
    let command = &world.payloads("audit/run").await[0];
    assert_eq!(command["audit_db_id"], answer.audit_id);
    let latest = RunLatestRequest {
        fiche_id: "44".to_owned(),
        user_id: None,
        use_rlm: true,
    };
    let latest = rpc
        .run_latest(by(user(Scope::All, true), latest))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(latest.audit_config_name, config.name);
    // Asked for, but the built-in engine has no transcript tools.
    let id = latest.audit_id.parse().unwrap();
    assert!(!world.audit(id).await.use_rlm);
    let snapshot = snapshot(&world, &latest.audit_id).await;
    assert_eq!(snapshot["approach"]["use_rlm"], false);
}

#[tokio::test]
async fn what_cannot_be_run_is_refused_and_nothing_is_written() {
    let Rpcs { world, rpc } = rpcs().await;
    let config = world.config(18).await;
    world
        .execute("UPDATE audit_configs SET is_active = false WHERE name LIKE '%18%'")
        .await;
    let refused =
        async |caller, request| wire(&rpc.run_audit(by(caller, request)).await.unwrap_err());
    let all = || user(Scope::All, true);
    let (code, message) = refused(all(), run("44", "999")).await;
    assert_eq!(code, ErrorCode::NotFound);
    assert_eq!(message, "Audit config with ID '999' not found");
    assert_eq!(
        refused(all(), run("44", &config.id)).await.0,
        ErrorCode::Validation
    );
    assert_eq!(
        refused(all(), run("4 4", "1")).await.0,
        ErrorCode::Validation
    );
    assert_eq!(
        refused(all(), run("44", "0x1")).await.0,
        ErrorCode::Validation
    );
    let unpermitted = refused(user(Scope::All, false), run("44", "2")).await;
    assert_eq!(
        unpermitted,
        (ErrorCode::Authorization, "Missing permission".to_owned())
    );
    let anonymous = rpc
        .run_audit(Request::new(run("44", "2")))
        .await
        .unwrap_err();
    assert_eq!(anonymous.code(), Code::Unauthenticated);
    assert_eq!(world.count("SELECT count(*) FROM audits").await, 0);
    assert_eq!(world.count("SELECT count(*) FROM outbox").await, 0);
}

#[tokio::test]
async fn one_audit_is_shown_to_those_who_may_see_it() {
    let Rpcs { world, rpc } = rpcs().await;
    let config = world.config(6).await;
    world.project("1", Some("Equipe Ouest"), None).await;
    world.project("2", Some("Equipe Est"), None).await;
    let (mine, other) = (
        world.queued("1", &config).await,
        world.queued("2", &config).await,
    );
    let get = async |id: String| {
        let request = by(user(Scope::Group, false), GetAuditRequest { audit_id: id });
        rpc.get_audit(request)
            .await
            .map(tonic::Response::into_inner)
    };
    let shown = get(mine.to_string()).await.unwrap();
    assert_eq!(
        shown
            .audit
            .unwrap()
            .fiche_cache_detail
            .unwrap()
            .prospect_nom
            .as_deref(),
        Some("Lenoir")
    );
    assert_eq!(
        wire(&get(other.to_string()).await.unwrap_err()).0,
        ErrorCode::Authorization
    );
    let unknown = wire(&get("99999".to_owned()).await.unwrap_err());
    assert_eq!(unknown, (ErrorCode::NotFound, "Audit not found".to_owned()));
    let invalid = wire(&get("abc".to_owned()).await.unwrap_err());
    assert_eq!(
        invalid,
        (ErrorCode::Validation, "Invalid audit_id".to_owned())
    );

    let listed = by(user(Scope::Group, false), ListAuditsRequest::default());
    let listed = rpc.list_audits(listed).await.unwrap().into_inner();
    assert_eq!(
        (listed.audits.len(), listed.pagination.unwrap().total),
        (1, 1)
    );
    let by_fiche = ListByFicheRequest {
        fiche_id: "1".to_owned(),
        include_details: true,
    };
    let by_fiche = rpc
        .list_by_fiche(by(user(Scope::All, false), by_fiche))
        .await
        .unwrap();
    assert_eq!(by_fiche.into_inner().audits.len(), 1);
    for (id, expected) in [(mine.to_string(), true), (other.to_string(), false)] {
        let request = CheckChannelRequest { audit_key: id };
        let answer = rpc
            .check_channel(by(user(Scope::Group, false), request))
            .await
            .unwrap();
        assert_eq!(answer.into_inner().allowed, expected);
    }
    let tracking = world.audit(mine).await.tracking.to_string();
    let request = CheckChannelRequest {
        audit_key: tracking,
    };
    let answer = rpc
        .check_channel(by(user(Scope::Group, false), request))
        .await
        .unwrap();
    assert!(answer.into_inner().allowed);
}

#[tokio::test]
async fn details_name_what_they_do_not_know_and_lists_do_not() {
    let Rpcs { world, rpc } = rpcs().await;
    let config = world.config(6).await;
    world.project("1", Some("Equipe Ouest"), None).await;
    let id = world.queued("1", &config).await.to_string();
    let request = by(user(Scope::All, false), GetAuditRequest { audit_id: id });
    let detail = rpc.get_audit(request).await.unwrap().into_inner().audit;
    let detail = serde_json::to_value(detail.unwrap()).unwrap();
    let fiche = &detail["ficheCache"];
    for unknown in ["agenceNom", "prospectEmail", "prospectTel"] {
        assert_eq!(fiche.get(unknown), Some(&serde_json::Value::Null));
    }
    assert!(detail.get("ficheCacheDetail").is_none());
    let listed = by(user(Scope::All, false), ListAuditsRequest::default());
    let listed = rpc.list_audits(listed).await.unwrap().into_inner();
    let row = serde_json::to_value(&listed.audits[0]).unwrap();
    assert_eq!(row["ficheCache"]["prospectNom"], "Lenoir");
    assert!(row["ficheCache"].get("agenceNom").is_none());
    let pagination = serde_json::to_value(listed.pagination.unwrap()).unwrap();
    assert!(pagination.get("next_cursor").is_none());
}

#[tokio::test]
async fn a_fiche_that_nobody_could_look_up_is_refused_and_a_down_cache_is_not_a_refusal() {
    for (failure, expected) in [
        (Code::DeadlineExceeded, ErrorCode::Authorization),
        (Code::Unavailable, ErrorCode::Unavailable),
    ] {
        let script = Script {
            failure: Some(failure),
            ..Script::default()
        };
        let Rpcs { world, rpc } = rpcs_beside(script).await;
        let config = world.config(6).await;
        let request = by(user(Scope::Group, true), run("44", &config.id));
        let refused = rpc.run_audit(request).await.unwrap_err();
        assert_eq!(wire(&refused).0, expected, "{failure:?}");
        assert_eq!(world.count("SELECT count(*) FROM audits").await, 0);
        // With everything in scope there is nothing to decide.
        let request = by(user(Scope::All, true), run("44", &config.id));
        rpc.run_audit(request).await.unwrap();
    }
}

#[tokio::test]
async fn those_who_see_all_may_watch_an_audit_that_is_not_there_yet() {
    let Rpcs { world: _world, rpc } = rpcs().await;
    for (scope, expected) in [(Scope::All, true), (Scope::Group, false)] {
        let request = CheckChannelRequest {
            audit_key: "audit-44-2-1".to_owned(),
        };
        let answer = rpc.check_channel(by(user(scope, false), request)).await;
        assert_eq!(answer.unwrap().into_inner().allowed, expected);
    }
}

#[tokio::test]
async fn internal_rpcs_are_for_their_service_only() {
    let Rpcs { world, rpc } = rpcs().await;
    let config = world.config(6).await;
    let id = world.analyzing("44", &config).await;
    let context = || GetAuditContextRequest {
        audit_id: id.to_string(),
    };
    for caller in [user(Scope::All, true), service(ServiceName::Automation)] {
        let refused = rpc
            .get_audit_context(by(caller, context()))
            .await
            .unwrap_err();
        assert_eq!(refused.code(), Code::PermissionDenied);
    }
    let request = by(service(ServiceName::StepAnalyzer), context());
    let answer = rpc.get_audit_context(request).await.unwrap().into_inner();
    assert!(answer.stored_positions.is_empty() && !answer.timeline.is_empty());

    let resolve = ResolveConfigsRequest {
        config_ids: vec!["999".to_owned(), "1".to_owned()],
        automatic: true,
    };
    let request = by(service(ServiceName::Automation), resolve);
    let resolved = rpc
        .resolve_configs(request)
        .await
        .unwrap()
        .into_inner()
        .configs;
    let ids: Vec<_> = resolved.iter().map(|config| config.id.as_str()).collect();
    assert_eq!(ids, ["1", "2"]);
}
