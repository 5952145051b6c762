//! People and groups of the CRM, by way of fiche-cache.

use super::{AdminError, views};
use crate::app::AppState;
use crate::store::accounts;
use std::time::Duration;
use tonic::Request;
use vigie_contracts::auth::v1 as pb;
use vigie_contracts::fiche::v1::directory_service_client::DirectoryServiceClient;
use vigie_contracts::fiche::v1::{CrmGroup, CrmUser, ListCrmGroupsRequest, ListCrmUsersRequest};
use vigie_service::InternalChannel;
use vigie_service::grpc::MAX_MESSAGE_BYTES;

/// Longest wait for the CRM, its retries included.
const PATIENCE: Duration = Duration::from_secs(90);

/// The CRM's directory. Auth asks for itself: it has checked its own caller.
pub struct Directory(DirectoryServiceClient<InternalChannel>);

impl Directory {
    /// Through this channel.
    pub fn new(channel: InternalChannel) -> Self {
        let client = DirectoryServiceClient::new(channel);
        Self(client.max_decoding_message_size(MAX_MESSAGE_BYTES))
    }

    /// Every user.
    pub async fn users(&self) -> Result<Vec<CrmUser>, AdminError> {
        let request = patient(ListCrmUsersRequest {});
        let answer = self.0.clone().list_crm_users(request).await?;
        Ok(answer.into_inner().users)
    }

    /// Every group.
    pub async fn groups(&self, include_users: bool) -> Result<Vec<CrmGroup>, AdminError> {
        let request = patient(ListCrmGroupsRequest { include_users });
        let answer = self.0.clone().list_crm_groups(request).await?;
        Ok(answer.into_inner().groups)
    }
}

fn patient<T>(body: T) -> Request<T> {
    let mut request = Request::new(body);
    request.set_timeout(PATIENCE);
    request
}

/// CRM users, each beside the account that is linked to it or has its e-mail.
#[tracing::instrument(
    name = "rpc.admin.list_directory_users",
    skip_all,
    err(level = "debug")
)]
pub async fn users(
    state: &AppState,
    directory: &Directory,
) -> Result<pb::ListDirectoryUsersResponse, AdminError> {
    let people = directory.users().await?;
    let login = |person: &CrmUser| {
        let email = person.email.as_deref().unwrap_or_default();
        email.trim().to_lowercase()
    };
    let ids: Vec<String> = people.iter().map(|person| person.id.clone()).collect();
    let emails: Vec<String> = people
        .iter()
        .map(login)
        .filter(|email| !email.is_empty())
        .collect();
    let mut conn = state.pool.acquire().await?;
    let accounts = accounts::linked(&mut conn, &ids, &emails).await?;
    drop(conn);
    let of = |person: &CrmUser| {
        let linked = accounts
            .iter()
            .find(|account| account.crm_user_id.as_deref() == Some(person.id.as_str()));
        let email = login(person);
        linked.or_else(|| accounts.iter().find(|account| account.email == email))
    };
    let rows: Vec<_> = people
        .iter()
        .map(|person| pb::DirectoryUser {
            app_user: of(person).cloned().map(views::linked),
            crm_user: Some(person.clone()),
        })
        .collect();
    Ok(pb::ListDirectoryUsersResponse {
        count: views::count(&rows),
        utilisateurs: rows,
    })
}

/// CRM groups.
#[tracing::instrument(
    name = "rpc.admin.list_directory_teams",
    skip_all,
    err(level = "debug")
)]
pub async fn teams(
    directory: &Directory,
    include_users: bool,
) -> Result<pb::ListDirectoryTeamsResponse, AdminError> {
    let groupes = directory.groups(include_users).await?;
    Ok(pb::ListDirectoryTeamsResponse {
        count: views::count(&groupes),
        groupes,
    })
}
