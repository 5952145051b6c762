use super::Service;
use tonic::{Request, Response, Status, async_trait};
use vigie_contracts::audit::v1 as audit;
use vigie_contracts::audit::v1::projection_service_server::ProjectionService;
use vigie_contracts::fiche::v1 as pb;
use vigie_contracts::fiche::v1::fiche_maintenance_service_server::FicheMaintenanceService;
use vigie_service::{ErrorCode, WireError};

#[async_trait]
impl FicheMaintenanceService for Service {
    async fn backfill(
        &self,
        request: Request<pb::BackfillRequest>,
    ) -> Result<Response<pb::BackfillResponse>, Status> {
        self.0.enter("Backfill", &request)?;
        let request = request.into_inner();
        self.0.note("Backfill", &request);
        Ok(Response::new(pb::BackfillResponse {
            last_id: (request.after_id + 3).to_string(),
            looked: 3,
            moved: 2,
            unreadable: 1,
            remaining: 9,
        }))
    }

    async fn reseal(
        &self,
        request: Request<pb::ResealRequest>,
    ) -> Result<Response<pb::ResealResponse>, Status> {
        self.0.enter("Reseal", &request)?;
        let request = request.into_inner();
        self.0.note("Reseal", &request);
        Ok(Response::new(pb::ResealResponse {
            last_id: (request.after_id + 3).to_string(),
            looked: 3,
            resealed: 2,
            unreadable: 1,
            remaining: 9,
        }))
    }

    async fn inspect_row(
        &self,
        request: Request<pb::InspectRowRequest>,
    ) -> Result<Response<pb::InspectRowResponse>, Status> {
        self.0.enter("InspectRow", &request)?;
        let fiche_id = request.into_inner().fiche_id;
        if fiche_id != "44" {
            return Err(WireError::new(ErrorCode::NotFound, "Fiche not cached").into());
        }
        Ok(Response::new(pb::InspectRowResponse {
            fiche_id,
            state: "full".to_owned(),
            version: 2,
            mail_devis_state: "unknown".to_owned(),
            sections: vec!["information".to_owned()],
            document: vec![pb::DocumentKey {
                key: "mails".to_owned(),
                kind: "list".to_owned(),
            }],
        }))
    }

    async fn list_accesses(
        &self,
        request: Request<pb::ListAccessesRequest>,
    ) -> Result<Response<pb::ListAccessesResponse>, Status> {
        self.0.enter("ListAccesses", &request)?;
        self.0.note("ListAccesses", request.get_ref());
        Ok(Response::new(pb::ListAccessesResponse {
            accesses: vec![pb::FicheAccess {
                id: "9".to_owned(),
                at: "2026-01-14T12:34:56.789Z".to_owned(),
                what: "details".to_owned(),
                reader: "user:7".to_owned(),
                address: None,
                request_id: Some("req-1".to_owned()),
            }],
            next_cursor: Some("9".to_owned()),
        }))
    }
}

#[async_trait]
impl ProjectionService for Service {
    async fn rebuild_projection(
        &self,
        request: Request<audit::RebuildProjectionRequest>,
    ) -> Result<Response<audit::RebuildProjectionResponse>, Status> {
        self.0.enter("RebuildProjection", &request)?;
        self.0.note("RebuildProjection", request.get_ref());
        Ok(Response::new(audit::RebuildProjectionResponse {
            last: "44".to_owned(),
            looked: 2,
            written: 1,
            remaining: 0,
        }))
    }
}
