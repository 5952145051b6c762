use super::Service;
use tonic::{Request, Response, Status, async_trait};
use vigie_contracts::auth::v1 as pb;
use vigie_contracts::auth::v1::trust_service_server::TrustService;

#[async_trait]
impl TrustService for Service {
    async fn principal_changes(
        &self,
        _request: Request<pb::PrincipalChangesRequest>,
    ) -> Result<Response<pb::PrincipalChangesResponse>, Status> {
        Ok(Response::new(pb::PrincipalChangesResponse::default()))
    }

    async fn rotate_keys(
        &self,
        _request: Request<pb::RotateKeysRequest>,
    ) -> Result<Response<pb::RotateKeysResponse>, Status> {
        Err(Status::unimplemented("not for the gateway"))
    }
}
