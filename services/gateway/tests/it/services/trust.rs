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
        let key = pb::SigningKeyInfo {
            kid: "k2".to_owned(),
            not_before: "2026-01-05T09:20:00.000Z".to_owned(),
            retired_at: None,
        };
        Ok(Response::new(pb::RotateKeysResponse { keys: vec![key] }))
    }
}
