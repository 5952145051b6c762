use super::Service;
use tonic::{Request, Response, Status, async_trait};
use vigie_contracts::fiche::v1 as pb;
use vigie_contracts::fiche::v1::fiche_service_server::FicheService;
use vigie_service::{ErrorCode, WireError};

#[async_trait]
impl FicheService for Service {
    async fn get_fiche(
        &self,
        request: Request<pb::GetFicheRequest>,
    ) -> Result<Response<pb::GetFicheResponse>, Status> {
        self.0.enter("GetFiche", &request)?;
        let id = request.into_inner().fiche_id;
        if id == "404" {
            return Err(WireError::new(ErrorCode::NotFound, "Fiche 404 not found").into());
        }
        Ok(Response::new(pb::GetFicheResponse {
            payload_json: format!(
                "{{\"information\":{{\"fiche_id\":\"{id}\"}},\
                 \"recordings\":[{{\"call_id\":\"a\"}},{{\"call_id\":\"b\"}}]}}"
            ),
            cache: pb::CacheState::Stale.into(),
        }))
    }

    async fn search_sales(
        &self,
        request: Request<pb::SearchSalesRequest>,
    ) -> Result<Response<pb::SearchSalesResponse>, Status> {
        self.0.enter("SearchSales", &request)?;
        let sale = |id: &str| pb::SaleFiche {
            id: id.to_owned(),
            recordings_json: "[]".to_owned(),
            ..pb::SaleFiche::default()
        };
        Ok(Response::new(pb::SearchSalesResponse {
            fiches: vec![sale("44"), sale("45"), sale("46")],
            total: 3,
        }))
    }

    async fn list_by_date(
        &self,
        request: Request<pb::ListByDateRequest>,
    ) -> Result<Response<pb::ListByDateResponse>, Status> {
        self.0.enter("ListByDate", &request)?;
        let recording = |call_id: &str| pb::FicheRowRecording {
            id: "500".to_owned(),
            call_id: call_id.to_owned(),
            start_time: None,
            duration_seconds: Some(60),
        };
        let fiche = pb::FicheRow {
            fiche_id: "44".to_owned(),
            groupe: Some("EQUIPE NORD".to_owned()),
            recordings: vec![recording("a"), recording("b")],
            ..pb::FicheRow::default()
        };
        Ok(Response::new(pb::ListByDateResponse {
            fiches: vec![fiche],
        }))
    }

    async fn list_recordings(
        &self,
        request: Request<pb::ListRecordingsRequest>,
    ) -> Result<Response<pb::ListRecordingsResponse>, Status> {
        self.0.enter("ListRecordings", &request)?;
        let recording_url = self.0.script().recording_url.clone();
        let recording = |call_id: &str| pb::Recording {
            call_id: call_id.to_owned(),
            recording_url: recording_url.clone(),
            ..pb::Recording::default()
        };
        Ok(Response::new(pb::ListRecordingsResponse {
            recordings: vec![recording("a"), recording("b")],
        }))
    }

    async fn get_summaries(
        &self,
        request: Request<pb::GetSummariesRequest>,
    ) -> Result<Response<pb::GetSummariesResponse>, Status> {
        self.0.enter("GetSummaries", &request)?;
        let watchable = self.0.script().watchable.clone();
        let ids = request.into_inner().fiche_ids.into_iter();
        let known = ids.filter(|id| id == "44" || watchable.contains(&format!("fiche-{id}")));
        let summary = |id: String| pb::FicheSummary {
            fiche_id: id,
            fiche_cache_id: Some("77".to_owned()),
            recordings_count: Some(2),
            ..pb::FicheSummary::default()
        };
        Ok(Response::new(pb::GetSummariesResponse {
            fiches: known.map(summary).collect(),
            refused: Vec::new(),
        }))
    }
}
