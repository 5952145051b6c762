//! Groups of audits, and fiches with their audits.

use super::{complete, operations, state_with};
use crate::callers::{by, user, wire};
use crate::world::settings;
use vigie_audit_orchestrator::rpc::catalogue::CatalogueRpc;
use vigie_audit_orchestrator::rpc::operations::OperationsRpc;
use vigie_audit_orchestrator::workflow::Settings;
use vigie_contracts::audit::v1 as pb;
use vigie_contracts::audit::v1::audit_operations_service_server::AuditOperationsService;
use vigie_contracts::audit::v1::config_service_server::ConfigService;
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

#[tokio::test]
async fn beside_a_model_the_scores_of_the_built_in_engine_are_left_out() {
    let mut said = Vec::new();
    for (engine, asked) in [("openai", false), ("openai", true), ("lexical", false)] {
        let (world, state) = state_with(Settings {
            engine: engine.to_owned(),
            ..settings()
        })
        .await;
        let config = world.config(6).await;
        for fiche in ["1", "2"] {
            let id = world.analyzing(fiche, &config).await;
            complete(&world, id, &config).await;
        }
        world
            .execute(
                "UPDATE audits SET engine = 'lexical', score_percentage = 20, is_compliant = false
                  WHERE fiche_id = '2'",
            )
            .await;
        world
            .execute(
                "UPDATE audits SET engine = 'openai', score_percentage = 60 WHERE fiche_id = '1'",
            )
            .await;
        let flag = if asked { "true" } else { "false" };
        let filters = [("group_by", "audit_config"), ("include_lexical", flag)];
        let filters = crate::world::query(&filters);
        let request = by(user(Scope::All, false), pb::GroupAuditsRequest { filters });
        let rpc = OperationsRpc::new(state.clone());
        let groups = rpc.group_audits(request).await.unwrap().into_inner().groups;
        let group = &groups[0];
        let request = pb::GetConfigStatsRequest {
            config_id: config.id.clone(),
            include_lexical: asked,
        };
        let request = by(user(Scope::All, false), request);
        let stats = CatalogueRpc::new(state).get_config_stats(request).await;
        let stats = stats.unwrap().into_inner().stats.unwrap();
        assert_eq!((group.count, stats.completed_audits), (2, 2));
        assert_eq!(group.avg_score, stats.average_score);
        said.push((
            group.min_score,
            group.compliant_count + 10 * group.non_compliant_count,
            stats.average_score,
            stats.compliance_rate,
        ));
    }
    let all = (Some(20.0), 11, Some(40.0), 50.0);
    assert_eq!(said, [(Some(60.0), 1, Some(60.0), 100.0), all, all]);
}

#[tokio::test]
async fn a_group_without_a_score_that_counts_has_none() {
    let (world, state) = state_with(Settings {
        engine: "openai".to_owned(),
        ..settings()
    })
    .await;
    let config = world.config(6).await;
    world.queued("1", &config).await;
    world.execute("UPDATE audits SET engine = 'lexical'").await;
    let filters = crate::world::query(&[("group_by", "audit_config")]);
    let request = by(user(Scope::All, false), pb::GroupAuditsRequest { filters });
    let groups = OperationsRpc::new(state).group_audits(request).await;
    let group = groups.unwrap().into_inner().groups.remove(0);
    assert_eq!(
        (group.count, group.avg_score, group.max_score),
        (1, None, None)
    );
}
