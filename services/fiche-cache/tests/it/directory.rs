//! People and groups of the CRM.

use crate::support::{App, everyone, of, service};
use tonic::Code;
use vigie_contracts::fiche::v1 as pb;
use vigie_contracts::fiche::v1::directory_service_client::DirectoryServiceClient;
use vigie_fiche_cache::rpc;
use vigie_identity::ServiceName;
use vigie_service::{ErrorCode, WireError};
use vigie_simulators::faults::{Rule, kind};

const AUTH: ServiceName = ServiceName::Auth;

#[tokio::test]
async fn auth_gets_users_and_groups_and_nobody_else_does() {
    let app = App::start().await;
    let mut client = DirectoryServiceClient::new(rpc::directory::service(app.state.clone()));
    let auth = service(AUTH);
    let users = client
        .list_crm_users(of(&auth, pb::ListCrmUsersRequest {}))
        .await
        .unwrap();
    let users = users.into_inner().users;
    let hugo = users.iter().find(|user| user.id == "107").unwrap();
    assert_eq!(hugo.nom, "MARCHAND");
    assert_eq!(hugo.email.as_deref(), Some("h.marchand@example.test"));

    for include_users in [true, false] {
        let request = pb::ListCrmGroupsRequest { include_users };
        let groups = client.list_crm_groups(of(&auth, request)).await.unwrap();
        let groups = groups.into_inner().groups;
        let nord = groups.iter().find(|group| group.id == "31").unwrap();
        assert_eq!(nord.nom, "EQUIPE NORD");
        assert_eq!(nord.user_ids.contains(&"107".to_owned()), include_users);
    }

    for other in [everyone(), service(ServiceName::Automation)] {
        let request = of(&other, pb::ListCrmUsersRequest {});
        let refused = client.list_crm_users(request).await.unwrap_err();
        assert_eq!(refused.code(), Code::PermissionDenied);
    }
    app.stop().await;
}

#[tokio::test]
async fn a_failing_or_senseless_crm_is_an_external_error() {
    let app = App::start().await;
    let mut client = DirectoryServiceClient::new(rpc::directory::service(app.state.clone()));
    let missing = Rule {
        status: Some(404),
        ..Rule::new(kind::STATUS)
    };
    for rule in [missing, Rule::new(kind::MALFORMED_BODY)] {
        app.sims.crm.clear();
        app.sims.crm.add(Rule {
            path: "/api/utilisateurs".to_owned(),
            ..rule
        });
        let request = of(&service(AUTH), pb::ListCrmUsersRequest {});
        let failed = client.list_crm_users(request).await.unwrap_err();
        assert_eq!(WireError::from(&failed).code, ErrorCode::ExternalApi);
    }
    app.stop().await;
}
