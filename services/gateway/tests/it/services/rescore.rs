use super::Service;
use tonic::{Request, Response, Status, async_trait};
use vigie_contracts::audit::v1 as pb;
use vigie_contracts::audit::v1::rescore_service_server::RescoreService;

#[async_trait]
impl RescoreService for Service {
    async fn rescore_audits(
        &self,
        request: Request<pb::RescoreAuditsRequest>,
    ) -> Result<Response<pb::RescoreAuditsResponse>, Status> {
        self.0.enter("RescoreAudits", &request)?;
        self.0.note("RescoreAudits", request.get_ref());
        Ok(Response::new(pb::RescoreAuditsResponse {
            revision: 4,
            last_id: "9031".to_owned(),
            looked: 2,
            reweighed: 2,
            moved: 1,
            score_changed: 1,
            niveau_changed: 1,
            compliance_changed: 0,
            moves: vec![pb::RescoreMove {
                audit_id: "9031".to_owned(),
                fiche_id: "44".to_owned(),
                score_before: 74.5,
                score_after: 80.0,
                niveau_before: "ACCEPTABLE".to_owned(),
                niveau_after: "BON".to_owned(),
                compliant_before: true,
                compliant_after: true,
            }],
        }))
    }
}
