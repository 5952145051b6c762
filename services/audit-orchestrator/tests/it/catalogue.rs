//! The catalogue of configurations: what is shown, refused and changed.

use crate::callers::{by, user, wire};
use crate::facts::{analyzed, proven};
use crate::neighbours::{Script, serve};
use crate::world::World;
use futures::future::join;
use serde_json::{Value, json};
use tokio_util::task::TaskTracker;
use tonic::Status;
use vigie_audit_orchestrator::app::AppState;
use vigie_audit_orchestrator::rpc::catalogue::CatalogueRpc;
use vigie_contracts::audit::v1 as pb;
use vigie_contracts::audit::v1::config_service_server::ConfigService;
use vigie_identity::Scope;
use vigie_service::{ErrorCode, WireError};

async fn catalogue() -> (World, CatalogueRpc) {
    let world = World::new().await;
    let neighbours = serve(Script::default(), &TaskTracker::new()).await;
    let (db, workflow) = (world.db.clone(), world.workflow.clone());
    let state = AppState {
        db,
        workflow,
        neighbours,
    };
    (world, CatalogueRpc::new(state))
}

fn asked<T>(message: T) -> tonic::Request<T> {
    by(user(Scope::Own, true), message)
}

fn step(name: &str) -> Value {
    json!({"name": name, "prompt": "p", "controlPoints": ["a", "b"], "severityLevel": "HIGH"})
}

async fn create(rpc: &CatalogueRpc, body: &Value) -> Result<String, Status> {
    let body_json = body.to_string();
    let answer = rpc
        .create_config(asked(pb::CreateConfigRequest { body_json }))
        .await;
    Ok(answer?.into_inner().id)
}

async fn shown(rpc: &CatalogueRpc, id: &str) -> pb::ConfigDetail {
    let request = asked(pb::GetConfigRequest {
        config_id: id.to_owned(),
        include_stats: true,
        include_lexical: false,
    });
    rpc.get_config(request)
        .await
        .unwrap()
        .into_inner()
        .config
        .unwrap()
}

async fn change(rpc: &CatalogueRpc, id: &str, body: Value) -> Result<i32, Status> {
    let request = asked(pb::UpdateConfigRequest {
        config_id: id.to_owned(),
        body_json: body.to_string(),
    });
    Ok(rpc.update_config(request).await?.into_inner().steps_count)
}

async fn add(rpc: &CatalogueRpc, id: &str, body: Value) -> Result<String, Status> {
    let request = asked(pb::AddStepRequest {
        config_id: id.to_owned(),
        body_json: body.to_string(),
    });
    Ok(rpc.add_step(request).await?.into_inner().id)
}

async fn edit(rpc: &CatalogueRpc, step: &str, body: Value) -> Result<pb::ConfigStep, Status> {
    let request = asked(pb::UpdateStepRequest {
        step_id: step.to_owned(),
        body_json: body.to_string(),
    });
    Ok(rpc.update_step(request).await?.into_inner().step.unwrap())
}

async fn reorder(rpc: &CatalogueRpc, id: &str, body: Value) -> Result<(), Status> {
    let request = asked(pb::ReorderStepsRequest {
        config_id: id.to_owned(),
        body_json: body.to_string(),
    });
    rpc.reorder_steps(request).await.map(drop)
}

async fn validate(rpc: &CatalogueRpc, id: &str) -> pb::ValidateConfigResponse {
    let config_id = id.to_owned();
    let request = asked(pb::ValidateConfigRequest { config_id });
    rpc.validate_config(request).await.unwrap().into_inner()
}

#[tokio::test]
async fn a_configuration_is_made_and_shown_with_its_steps() {
    let (_world, rpc) = catalogue().await;
    let body = json!({"name": "Essai", "description": "d", "systemPrompt": null,
        "createdBy": "Claire", "steps": [step("un"), step("deux")]});
    let id = create(&rpc, &body).await.unwrap();
    let config = shown(&rpc, &id).await;
    assert_eq!((config.name.as_str(), config.revision), ("Essai", 1));
    assert!(config.is_active && !config.run_automatically && config.system_prompt.is_none());
    let positions: Vec<_> = config
        .steps
        .iter()
        .map(|step| (step.position, step.weight))
        .collect();
    assert_eq!(positions, [(1, 5), (2, 5)]);
    assert_eq!(config.stats.unwrap().total_audits, 0);
    assert!(validate(&rpc, &id).await.valid);
    // A shown configuration is a body that makes the same one again.
    let export = serde_json::to_value(shown(&rpc, &id).await).unwrap();
    let again = create(&rpc, &export).await.unwrap();
    let again = shown(&rpc, &again).await;
    assert_eq!(again.steps.len(), 2);
    assert_eq!(again.steps[1].control_points, ["a", "b"]);
}

#[tokio::test]
async fn refused_bodies_name_every_field_and_write_nothing() {
    let (world, rpc) = catalogue().await;
    let before = world.count("SELECT count(*) FROM audit_configs").await;
    let refused = create(&rpc, &json!({"isActive": "yes"})).await.unwrap_err();
    let error = WireError::from(&refused);
    assert_eq!(error.message, "Invalid create audit config input");
    let paths: Vec<_> = error
        .details
        .iter()
        .map(|detail| detail.path.as_str())
        .collect();
    assert_eq!(paths, ["name", "isActive"]);
    let mut bad = step("un");
    bad["weight"] = json!(0);
    let body = json!({"name": "a", "steps": [bad]});
    let (code, message) = wire(&create(&rpc, &body).await.unwrap_err());
    assert_eq!(code, ErrorCode::Validation);
    assert_eq!(message, "Validation failed for 1 step(s)");
    assert_eq!(
        world.count("SELECT count(*) FROM audit_configs").await,
        before
    );
}

#[tokio::test]
async fn changes_touch_what_was_sent_and_raise_the_revision() {
    let (_world, rpc) = catalogue().await;
    let body = json!({"name": "a", "description": "d", "steps": [step("un")]});
    let id = create(&rpc, &body).await.unwrap();
    let body = json!({"description": null, "isActive": false, "steps": []});
    assert_eq!(change(&rpc, &id, body).await.unwrap(), 1);
    let config = shown(&rpc, &id).await;
    assert_eq!((config.name.as_str(), config.revision), ("a", 2));
    assert!(config.description.is_none() && !config.is_active);
    let checked = validate(&rpc, &id).await;
    assert_eq!(checked.errors, ["Audit config is inactive"]);
    let (code, message) = wire(&change(&rpc, &id, json!({"name": ""})).await.unwrap_err());
    assert_eq!(code, ErrorCode::Validation);
    assert_eq!(message, "Invalid update audit config input");
    assert_eq!(shown(&rpc, &id).await.revision, 2);
}

#[tokio::test]
async fn steps_are_added_changed_reordered_and_deleted() {
    let (_world, rpc) = catalogue().await;
    let id = create(&rpc, &json!({"name": "a", "steps": [step("un")]}))
        .await
        .unwrap();
    let two = add(&rpc, &id, step("deux")).await.unwrap();
    let one = shown(&rpc, &id).await.steps[0].id.clone();
    let mut taken = step("trois");
    taken["position"] = json!(2);
    let (code, message) = wire(&add(&rpc, &id, taken).await.unwrap_err());
    assert_eq!(code, ErrorCode::Validation);
    assert_eq!(
        message,
        "Position 2 is already taken. Available positions: 3"
    );
    let (_, message) = wire(&edit(&rpc, &two, json!({"position": 1})).await.unwrap_err());
    assert_eq!(
        message,
        "Position 1 is already taken. Available positions: 3"
    );
    let changed = edit(
        &rpc,
        &two,
        json!({"weight": 9, "position": 2, "keywords": ["k"]}),
    )
    .await;
    let changed = changed.unwrap();
    assert_eq!((changed.weight, changed.name.as_str()), (9, "deux"));
    reorder(&rpc, &id, json!({"stepIds": [two, one]}))
        .await
        .unwrap();
    let order: Vec<_> = shown(&rpc, &id)
        .await
        .steps
        .into_iter()
        .map(|step| step.id)
        .collect();
    assert_eq!(order, [two.clone(), one.clone()]);
    for (body, expected) in [
        (json!({}), "stepIds must be an array"),
        (json!({"stepIds": ["99"]}), "Invalid step IDs: 99"),
        (
            json!({"stepIds": [one]}),
            "Step IDs count doesn't match existing steps count",
        ),
    ] {
        let (code, message) = wire(&reorder(&rpc, &id, body).await.unwrap_err());
        assert_eq!((code, message.as_str()), (ErrorCode::Validation, expected));
    }
    let step_id = two.clone();
    rpc.delete_step(asked(pb::DeleteStepRequest { step_id }))
        .await
        .unwrap();
    // The first position is free now.
    assert!(!validate(&rpc, &id).await.valid);
    let (code, message) = wire(&edit(&rpc, &two, json!({})).await.unwrap_err());
    assert_eq!(code, ErrorCode::NotFound);
    assert_eq!(message, format!("Audit step with ID '{two}' not found"));
}

#[tokio::test]
async fn steps_added_at_once_get_positions_of_their_own() {
    let (_world, rpc) = catalogue().await;
    let id = create(&rpc, &json!({"name": "a"})).await.unwrap();
    let (one, two) = join(add(&rpc, &id, step("un")), add(&rpc, &id, step("deux"))).await;
    one.unwrap();
    two.unwrap();
    assert!(validate(&rpc, &id).await.valid);
}

#[tokio::test]
async fn a_configuration_in_use_stays_and_says_how_it_is_used() {
    let (world, rpc) = catalogue().await;
    let config = world.config(6).await;
    let id = world.analyzing("44", &config).await;
    let audit = world.audit(id).await;
    let facts = config.steps.iter();
    let facts = facts.map(|step| analyzed(&audit, step.position, Ok(proven(step, step.weight))));
    world.record(facts.collect()).await;
    world.queued("45", &config).await;
    let stats = shown(&rpc, &config.id).await.stats.unwrap();
    assert_eq!(
        (
            stats.total_audits,
            stats.completed_audits,
            stats.failed_audits
        ),
        (2, 1, 0)
    );
    assert_eq!(
        (stats.average_score, stats.compliance_rate),
        (Some(100.0), 100.0)
    );
    let config_id = config.id.clone();
    let refused = rpc
        .delete_config(asked(pb::DeleteConfigRequest { config_id }))
        .await;
    assert_eq!(wire(&refused.unwrap_err()).0, ErrorCode::Conflict);
    let unused = create(&rpc, &json!({"name": "a", "steps": [step("un")]}))
        .await
        .unwrap();
    let config_id = unused.clone();
    rpc.delete_config(asked(pb::DeleteConfigRequest { config_id }))
        .await
        .unwrap();
    let unknown = validate(&rpc, &unused).await;
    assert!(!unknown.valid && unknown.errors.len() == 1);
}

#[tokio::test]
async fn an_audit_keeps_the_configuration_it_began_with() {
    let (world, rpc) = catalogue().await;
    let config = world.config(6).await;
    let id = world.analyzing("44", &config).await;
    let audit = world.audit(id).await;
    let first = shown(&rpc, &config.id).await.steps[0].id.clone();
    edit(&rpc, &first, json!({"weight": 1, "name": "Autre"}))
        .await
        .unwrap();
    let facts = config.steps.iter();
    let facts = facts.map(|step| analyzed(&audit, step.position, Ok(proven(step, step.weight))));
    world.record(facts.collect()).await;
    let name = world
        .count("SELECT count(*) FROM audit_step_results WHERE step_name = 'Autre' OR weight = 1")
        .await;
    assert_eq!(name, 0);
    assert_eq!(world.listed(id).await.score_percentage, "100");
}

#[tokio::test]
async fn the_catalogue_asks_for_its_permissions_and_for_ids() {
    let (_world, rpc) = catalogue().await;
    let body_json = json!({"name": "a"}).to_string();
    let reader = by(
        user(Scope::All, false),
        pb::CreateConfigRequest { body_json },
    );
    let refused = rpc.create_config(reader).await.unwrap_err();
    assert_eq!(wire(&refused).0, ErrorCode::Authorization);
    for (id, code) in [("x", ErrorCode::Validation), ("999", ErrorCode::NotFound)] {
        let refused = change(&rpc, id, json!({})).await.unwrap_err();
        assert_eq!(wire(&refused).0, code, "{id}");
        let refused = add(&rpc, id, step("un")).await.unwrap_err();
        assert_eq!(wire(&refused).0, code, "{id}");
        let refused = reorder(&rpc, id, json!({"stepIds": []})).await.unwrap_err();
        assert_eq!(wire(&refused).0, code, "{id}");
        let config_id = id.to_owned();
        let stats = rpc
            .get_config_stats(asked(pb::GetConfigStatsRequest {
                config_id,
                include_lexical: false,
            }))
            .await;
        assert_eq!(wire(&stats.unwrap_err()).0, code, "{id}");
    }
}

#[tokio::test]
async fn every_change_is_told_with_its_author_and_revision() {
    let (world, rpc) = catalogue().await;
    let body = json!({"name": "Grille", "steps": [step("un")]});
    let id = create(&rpc, &body).await.unwrap();
    change(&rpc, &id, json!({"isActive": false})).await.unwrap();
    change(&rpc, &id, json!({"isActive": true})).await.unwrap();
    change(&rpc, &id, json!({"name": "Grille 2"}))
        .await
        .unwrap();
    let second = add(&rpc, &id, step("deux")).await.unwrap();
    edit(&rpc, &second, json!({"weight": 3})).await.unwrap();
    let steps = shown(&rpc, &id).await.steps;
    let first = steps[0].id.clone();
    reorder(&rpc, &id, json!({"stepIds": [second, first]}))
        .await
        .unwrap();
    let refused = reorder(&rpc, &id, json!({"stepIds": []})).await;
    refused.unwrap_err();
    let step_id = first;
    rpc.delete_step(asked(pb::DeleteStepRequest { step_id }))
        .await
        .unwrap();
    let config_id = id.clone();
    rpc.delete_config(asked(pb::DeleteConfigRequest { config_id }))
        .await
        .unwrap();
    let told = world.payloads("audit-config/changed").await;
    let changes: Vec<_> = told.iter().map(|fact| fact["change"].clone()).collect();
    let expected = [
        "created",
        "deactivated",
        "activated",
        "updated",
        "step_created",
        "step_updated",
        "steps_reordered",
        "step_deleted",
        "deleted",
    ];
    assert_eq!(changes, expected);
    for (fact, version) in told.iter().zip(1..) {
        assert_eq!(fact["audit_config_id"].to_string(), id);
        assert_eq!(
            (&fact["version"], &fact["actor_id"]),
            (&json!(version), &json!("12"))
        );
    }
}
