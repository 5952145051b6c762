//! Notes, linkage, deletion and restoring; which version is the latest.

use super::{cancel, complete, latest, operations, update};
use crate::callers::{by, user, wire};
use crate::world::query;
use futures::future::join;
use vigie_audit_orchestrator::domain::filters::Filters;
use vigie_audit_orchestrator::store::list;
use vigie_contracts::audit::v1 as pb;
use vigie_contracts::audit::v1::audit_operations_service_server::AuditOperationsService;
use vigie_events::ids::AuditId;
use vigie_identity::Scope;
use vigie_service::ErrorCode;

#[tokio::test]
async fn a_change_touches_what_was_sent() {
    let (world, rpc) = operations().await;
    let config = world.config(6).await;
    let id = world.queued("44", &config).await;
    let body = r#"{"notes": "à revoir", "automation_run_id": "7", "unknown": 1}"#;
    let audit = update(&rpc, id, Scope::All, body).await.unwrap();
    assert_eq!(audit.notes.as_deref(), Some("à revoir"));
    assert_eq!(audit.automation_run_id.as_deref(), Some("7"));
    assert_eq!(audit.trigger_source.as_deref(), Some("api"));
    let body = r#"{"notes": null, "trigger_source": null}"#;
    let audit = update(&rpc, id, Scope::All, body).await.unwrap();
    assert_eq!((audit.notes, audit.trigger_source), (None, None));
    assert_eq!(audit.automation_run_id.as_deref(), Some("7"));
}

#[tokio::test]
async fn what_cannot_be_changed_is_refused() {
    let (world, rpc) = operations().await;
    let config = world.config(6).await;
    world.project("1", Some("Est"), None).await;
    let id = world.queued("1", &config).await;
    let refused = async |id, scope, body| wire(&update(&rpc, id, scope, body).await.unwrap_err());
    let (code, message) = refused(id, Scope::All, r#"{"deleted": 1}"#).await;
    assert_eq!(code, ErrorCode::Validation);
    assert_eq!(message, "Invalid update audit input");
    let (code, message) = refused(AuditId::new(999), Scope::All, "{}").await;
    assert_eq!(
        (code, message.as_str()),
        (ErrorCode::NotFound, "Audit not found")
    );
    let (code, message) = refused(id, Scope::Group, "{}").await;
    assert_eq!(
        (code, message.as_str()),
        (ErrorCode::Authorization, "Forbidden")
    );
    let request = pb::UpdateAuditRequest {
        audit_id: id.to_string(),
        body_json: "{}".to_owned(),
    };
    let reader = by(user(Scope::All, false), request);
    let refused = rpc.update_audit(reader).await.unwrap_err();
    assert_eq!(wire(&refused).0, ErrorCode::Authorization);
}

#[tokio::test]
async fn the_latest_flag_follows_deletions_and_restorings() {
    let (world, rpc) = operations().await;
    let config = world.config(6).await;
    let first = world.analyzing("44", &config).await;
    complete(&world, first, &config).await;
    let second = world.queued("44", &config).await;
    assert_eq!(latest(&world).await, [second.get()]);
    let deleted = r#"{"deleted": true}"#;
    let restored = r#"{"deleted": false}"#;
    let audit = update(&rpc, second, Scope::All, deleted).await.unwrap();
    assert!(audit.deleted_at.is_some() && !audit.is_latest);
    assert_eq!(latest(&world).await, [first.get()]);
    // Twice is once.
    update(&rpc, second, Scope::All, deleted).await.unwrap();
    assert_eq!(latest(&world).await, [first.get()]);
    update(&rpc, first, Scope::All, deleted).await.unwrap();
    assert!(latest(&world).await.is_empty());
    let audit = update(&rpc, first, Scope::All, restored).await.unwrap();
    assert!(audit.deleted_at.is_none() && audit.is_latest);
    update(&rpc, second, Scope::All, restored).await.unwrap();
    assert_eq!(latest(&world).await, [second.get()]);
    // A failed version gives way to a completed one, deleted in between or not.
    cancel(&rpc, second).await.unwrap();
    assert_eq!(latest(&world).await, [first.get()]);
    update(&rpc, second, Scope::All, deleted).await.unwrap();
    update(&rpc, second, Scope::All, restored).await.unwrap();
    assert_eq!(latest(&world).await, [first.get()]);
}

#[tokio::test]
async fn asked_for_deleted_ones_show() {
    let (world, rpc) = operations().await;
    let config = world.config(6).await;
    let old = world.queued("44", &config).await;
    let gone = world.queued("44", &config).await;
    update(&rpc, gone, Scope::All, r#"{"deleted": true}"#)
        .await
        .unwrap();
    let listed = async |pairs: &[(&str, &str)]| {
        let filters = Filters::parse(&query(pairs)).unwrap();
        let mut conn = world.db.acquire().await.unwrap();
        let scope = crate::lists::scope(Scope::All);
        let page = list::page(&mut conn, &filters, &scope).await.unwrap();
        let ids = page.audits.iter().map(|row| row.id);
        ids.collect::<Vec<_>>()
    };
    assert_eq!(listed(&[]).await, [old.get()]);
    let both = listed(&[("include_deleted", "true")]).await;
    assert_eq!(both, [gone.get(), old.get()]);
}

#[tokio::test]
async fn an_audit_deleted_while_it_runs_ends_out_of_sight() {
    let (world, rpc) = operations().await;
    let config = world.config(6).await;
    let id = world.analyzing("44", &config).await;
    let body = r#"{"deleted": true}"#;
    let (deleted, ()) = join(
        update(&rpc, id, Scope::All, body),
        complete(&world, id, &config),
    )
    .await;
    deleted.unwrap();
    let row = world.listed(id).await;
    assert_eq!((row.phase.as_str(), row.is_latest), ("completed", false));
    assert!(row.deleted_at.is_some() && latest(&world).await.is_empty());
    assert_eq!(world.sent("audit/completed").await, 1);
}

#[tokio::test]
async fn a_new_audit_and_a_restoring_leave_one_latest() {
    let (world, rpc) = operations().await;
    let config = world.config(6).await;
    for _ in 0..4 {
        let old = world.queued("44", &config).await;
        update(&rpc, old, Scope::All, r#"{"deleted": true}"#)
            .await
            .unwrap();
        let restore = update(&rpc, old, Scope::All, r#"{"deleted": false}"#);
        let (restored, new) = join(restore, world.queued("44", &config)).await;
        restored.unwrap();
        assert_eq!(latest(&world).await, [new.get()]);
    }
}

#[tokio::test]
async fn two_audits_of_one_fiche_are_two_versions() {
    let (world, _rpc) = operations().await;
    let config = world.config(6).await;
    let (one, two) = join(world.queued("44", &config), world.queued("44", &config)).await;
    let newest = world
        .listed(one)
        .await
        .version
        .max(world.listed(two).await.version);
    assert_eq!(newest, 2);
    assert_eq!(latest(&world).await.len(), 1);
}
