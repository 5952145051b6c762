//! A stand-in for fiche-cache's directory, and the look-ups that show it.

use super::office::{Office, ask, assert_refused};
use anyhow::Result;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};
use vigie_contracts::auth::v1 as pb;
use vigie_contracts::fiche::v1 as fiche;
use vigie_contracts::fiche::v1::directory_service_server::{
    DirectoryService, DirectoryServiceServer,
};
use vigie_service::{ErrorCode, WireError};

#[derive(Default)]
struct Book {
    users: Vec<fiche::CrmUser>,
    groups: Vec<fiche::CrmGroup>,
    down: bool,
}

/// A directory that says what a test wants.
pub struct FakeDirectory {
    pub url: String,
    book: Arc<Mutex<Book>>,
    _server: JoinSet<Result<(), tonic::transport::Error>>,
}

struct Rpc(Arc<Mutex<Book>>);

impl FakeDirectory {
    pub async fn serve() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let book = Arc::<Mutex<Book>>::default();
        let rpc = DirectoryServiceServer::new(Rpc(Arc::clone(&book)));
        let serving = Server::builder()
            .add_service(rpc)
            .serve_with_incoming(TcpIncoming::from(listener));
        let mut server = JoinSet::new();
        server.spawn(serving);
        Ok(Self {
            url,
            book,
            _server: server,
        })
    }

    /// Sets the users: id and e-mail.
    pub fn users(&self, users: &[(&str, &str)]) {
        let user = |(id, email): &(&str, &str)| fiche::CrmUser {
            id: (*id).to_owned(),
            nom: format!("NOM {id}"),
            email: (!email.is_empty()).then(|| (*email).to_owned()),
            ..fiche::CrmUser::default()
        };
        self.book.lock().expect("a lock").users = users.iter().map(user).collect();
    }

    /// Sets the groups: id, name and members.
    pub fn groups(&self, groups: &[(&str, &str, &[&str])]) {
        let group = |(id, nom, members): &(&str, &str, &[&str])| fiche::CrmGroup {
            id: (*id).to_owned(),
            nom: (*nom).to_owned(),
            responsable_1: Some("731".to_owned()),
            user_ids: members.iter().map(|&member| member.to_owned()).collect(),
            ..fiche::CrmGroup::default()
        };
        self.book.lock().expect("a lock").groups = groups.iter().map(group).collect();
    }

    /// The CRM behind it answers no more.
    pub fn fail(&self) {
        self.book.lock().expect("a lock").down = true;
    }
}

impl Rpc {
    fn read<T>(&self, of: impl FnOnce(&Book) -> T) -> Result<T, Status> {
        let book = self.0.lock().expect("a lock");
        if book.down {
            return Err(WireError::new(ErrorCode::ExternalApi, "The CRM did not answer").into());
        }
        Ok(of(&book))
    }
}

#[tonic::async_trait]
impl DirectoryService for Rpc {
    async fn list_crm_users(
        &self,
        request: Request<fiche::ListCrmUsersRequest>,
    ) -> Result<Response<fiche::ListCrmUsersResponse>, Status> {
        assert!(request.metadata().contains_key("x-vigie-internal"));
        assert!(!request.metadata().contains_key("authorization"));
        let users = self.read(|book| book.users.clone())?;
        Ok(Response::new(fiche::ListCrmUsersResponse { users }))
    }

    async fn list_crm_groups(
        &self,
        request: Request<fiche::ListCrmGroupsRequest>,
    ) -> Result<Response<fiche::ListCrmGroupsResponse>, Status> {
        let mut groups = self.read(|book| book.groups.clone())?;
        if !request.into_inner().include_users {
            for group in &mut groups {
                group.user_ids.clear();
            }
        }
        Ok(Response::new(fiche::ListCrmGroupsResponse { groups }))
    }
}

#[tokio::test]
async fn crm_users_stand_beside_the_accounts_that_are_theirs() -> Result<()> {
    let office = Office::open().await?;
    office.directory.users(&[
        ("731", "other@demo.test"),
        ("742", " Nora@Demo.test "),
        ("750", ""),
    ]);
    let linked = pb::CreateUserRequest {
        crm_user_id: Some(pb::NullableText {
            value: Some("731".to_owned()),
        }),
        ..super::office::new_user("claire@demo.test", &[])
    };
    ask!(office, &office.admin, create_user, linked)?;
    office.user("nora@demo.test", &[]).await?;

    let request = pb::ListDirectoryUsersRequest {};
    let answer = ask!(office, &office.admin, list_directory_users, request)?;
    let json = serde_json::to_value(&answer)?;
    assert_eq!(json["count"], 3);
    let users = &json["utilisateurs"];
    assert_eq!(users[0]["app_user"]["email"], "claire@demo.test");
    assert_eq!(users[0]["app_user"]["crm_user_id"], "731");
    assert_eq!(users[1]["app_user"]["email"], "nora@demo.test");
    assert!(users[1]["app_user"]["crm_user_id"].is_null());
    assert_eq!(
        users[2],
        serde_json::json!({"id": "750", "nom": "NOM 750", "prenom": "", "app_user": null})
    );
    Ok(())
}

#[tokio::test]
async fn crm_teams_name_their_members_when_asked() -> Result<()> {
    let office = Office::open().await?;
    office.directory.groups(&[("51", "EQUIPE LYON", &["731"])]);
    for include_users in [true, false] {
        let request = pb::ListDirectoryTeamsRequest { include_users };
        let answer = ask!(office, &office.admin, list_directory_teams, request)?;
        let json = serde_json::to_value(&answer)?;
        let mut wanted =
            serde_json::json!({"id": "51", "nom": "EQUIPE LYON", "responsable_1": "731"});
        if include_users {
            wanted["user_ids"] = serde_json::json!(["731"]);
        }
        assert_eq!(json["groupes"][0], wanted);
    }
    Ok(())
}

#[tokio::test]
async fn a_failing_crm_is_an_external_error_everywhere() -> Result<()> {
    let office = Office::open().await?;
    office.directory.fail();
    let who = &office.admin;
    let sentence = "The CRM did not answer";
    let external = ErrorCode::ExternalApi;
    let request = pb::ListDirectoryUsersRequest {};
    assert_refused(
        ask!(office, who, list_directory_users, request),
        external,
        sentence,
    );
    let request = pb::ListDirectoryTeamsRequest::default();
    assert_refused(
        ask!(office, who, list_directory_teams, request),
        external,
        sentence,
    );
    let request = pb::SyncTeamsRequest::default();
    assert_refused(ask!(office, who, sync_teams, request), external, sentence);
    let request = pb::ImportCrmUserRequest {
        crm_user_id: "731".to_owned(),
        ..pb::ImportCrmUserRequest::default()
    };
    assert_refused(
        ask!(office, who, import_crm_user, request),
        external,
        sentence,
    );
    Ok(())
}
