//! Groups of audits, and fiches with their audits.

use super::operations;
use crate::callers::{by, user, wire};
use vigie_contracts::audit::v1 as pb;
use vigie_contracts::audit::v1::audit_operations_service_server::AuditOperationsService;
use vigie_identity::Scope;
use vigie_service::ErrorCode;

#[tokio::test]
async fn groups_are_asked_for_by_name() {
    let (_world, rpc) = operations().await;
    for (filters, expected) in [
        (vec![], "group_by is required"),
        (vec![("group_by", "x")], "Invalid group_by. Allowed: fiche,"),
        (
            vec![("group_by", "fiche"), ("limit", "x")],
            "Invalid query parameters",
        ),
    ] {
        let filters = crate::world::query(&filters);
        let request = by(user(Scope::All, false), pb::GroupAuditsRequest { filters });
        let (code, message) = wire(&rpc.group_audits(request).await.unwrap_err());
        assert_eq!(code, ErrorCode::Validation);
        assert!(message.starts_with(expected), "{message}");
    }
}

#[tokio::test]
async fn fiches_come_with_their_audits_within_the_scope() {
    let (world, rpc) = operations().await;
    let (six, eighteen) = (world.config(6).await, world.config(18).await);
    world.project("1", Some("Equipe Ouest"), None).await;
    world.project("2", Some("Est"), None).await;
    for config in [&six, &eighteen] {
        world.queued("1", config).await;
    }
    world.queued("2", &six).await;
    let fiches = async |scope, pairs: &[(&str, &str)]| {
        let filters = crate::world::query(pairs);
        let request = by(user(scope, false), pb::GroupByFichesRequest { filters });
        rpc.group_by_fiches(request).await.unwrap().into_inner()
    };
    let all = fiches(Scope::All, &[]).await;
    assert_eq!(all.pagination.unwrap().total, 2);
    // The one audited last first.
    let ids = |fiches: &[pb::FicheWithAudits]| -> Vec<(String, usize)> {
        let ids = fiches.iter();
        ids.map(|row| {
            (
                row.fiche.as_ref().unwrap().fiche_id.clone(),
                row.audits.len(),
            )
        })
        .collect()
    };
    assert_eq!(ids(&all.fiches), [("2".to_owned(), 1), ("1".to_owned(), 2)]);
    assert_eq!(all.fiches[1].summary.as_ref().unwrap().total_audits, 2);
    let mine = fiches(Scope::Group, &[("groupe_query", "e")]).await;
    assert_eq!(ids(&mine.fiches), [("1".to_owned(), 2)]);
    let second = fiches(Scope::All, &[("limit", "1"), ("offset", "1")]).await;
    assert_eq!(ids(&second.fiches), [("1".to_owned(), 2)]);
    let filtered = fiches(Scope::All, &[("audit_config_ids", &eighteen.id)]).await;
    assert_eq!(ids(&filtered.fiches), [("1".to_owned(), 1)]);
}
