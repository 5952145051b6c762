//! `vigie.fiche.v1.DirectoryService`: people and groups of the CRM, live. Stores nothing.

use crate::app::AppState;
use tonic::{Request, Response, Status};
use vigie_contracts::fiche::v1 as pb;
use vigie_contracts::fiche::v1::directory_service_server::{
    DirectoryService, DirectoryServiceServer,
};
use vigie_identity::{Caller, ServiceName};
use vigie_service::grpc::MAX_MESSAGE_BYTES;
use vigie_service::{ErrorCode, ServiceError, status};
use vigie_upstream::crm::{CrmError, CrmGroup, CrmUser};

/// The CRM gave no directory. Also where it says that it has none: the address is ours.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
struct NoDirectory(#[from] CrmError);

impl ServiceError for NoDirectory {
    fn code(&self) -> ErrorCode {
        ErrorCode::ExternalApi
    }
}

/// The gRPC service.
pub fn service(state: AppState) -> DirectoryServiceServer<impl DirectoryService> {
    DirectoryServiceServer::new(Rpc { state }).max_encoding_message_size(MAX_MESSAGE_BYTES)
}

struct Rpc {
    state: AppState,
}

#[tonic::async_trait]
impl DirectoryService for Rpc {
    async fn list_crm_users(
        &self,
        request: Request<pb::ListCrmUsersRequest>,
    ) -> Result<Response<pb::ListCrmUsersResponse>, Status> {
        Caller::from_request(&request)?.require_service(&[ServiceName::Auth])?;
        users(&self.state)
            .await
            .map_err(status)
            .map(|users| Response::new(pb::ListCrmUsersResponse { users }))
    }

    async fn list_crm_groups(
        &self,
        request: Request<pb::ListCrmGroupsRequest>,
    ) -> Result<Response<pb::ListCrmGroupsResponse>, Status> {
        Caller::from_request(&request)?.require_service(&[ServiceName::Auth])?;
        groups(&self.state, request.get_ref().include_users)
            .await
            .map_err(status)
            .map(|groups| Response::new(pb::ListCrmGroupsResponse { groups }))
    }
}

#[tracing::instrument(name = "rpc.fiche.crm_users", skip_all, err(level = "debug"))]
async fn users(state: &AppState) -> Result<Vec<pb::CrmUser>, NoDirectory> {
    let users = state.crm.users().await?;
    Ok(users.into_iter().map(user).collect())
}

#[tracing::instrument(name = "rpc.fiche.crm_groups", skip_all, err(level = "debug"))]
async fn groups(state: &AppState, include_users: bool) -> Result<Vec<pb::CrmGroup>, NoDirectory> {
    let groups = state.crm.groups(include_users).await?;
    Ok(groups.into_iter().map(group).collect())
}

fn user(user: CrmUser) -> pb::CrmUser {
    pb::CrmUser {
        id: user.id,
        nom: user.nom,
        prenom: user.prenom,
        telephone: user.telephone,
        email: user.email,
        login: user.login,
        agence: user.agence,
        agence_id: user.agence_id,
        role: user.role,
        role_id: user.role_id,
        etat: user.etat,
        actif: user.actif,
        tv: user.tv,
        se: user.se,
    }
}

fn group(group: CrmGroup) -> pb::CrmGroup {
    pb::CrmGroup {
        id: group.id,
        nom: group.nom,
        membres_count: group.membres_count,
        responsable_1: group.responsable_1,
        responsable_2: group.responsable_2,
        responsable_3: group.responsable_3,
        user_ids: group.user_ids,
    }
}
