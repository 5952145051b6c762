//! `vigie.analyzer.v1.AnalyzerService`.

use crate::engine::Engine;
use std::sync::Arc;
use tonic::{Request, Response, Status};
use vigie_contracts::analyzer::v1 as pb;
use vigie_contracts::analyzer::v1::analyzer_service_server::{
    AnalyzerService, AnalyzerServiceServer,
};
use vigie_identity::{Caller, ServiceName};

/// Services that show which engine works.
const ASKERS: &[ServiceName] = &[ServiceName::Gateway, ServiceName::AuditOrchestrator];

/// The gRPC service.
pub fn service(engine: Arc<Engine>) -> AnalyzerServiceServer<impl AnalyzerService> {
    AnalyzerServiceServer::new(Rpc { engine })
}

struct Rpc {
    engine: Arc<Engine>,
}

#[tonic::async_trait]
impl AnalyzerService for Rpc {
    async fn get_engine(
        &self,
        request: Request<pb::GetEngineRequest>,
    ) -> Result<Response<pb::GetEngineResponse>, Status> {
        Caller::from_request(&request)?.require_service(ASKERS)?;
        Ok(Response::new(pb::GetEngineResponse {
            engine: self.engine.name().to_owned(),
            model: self.engine.model().to_owned(),
            prompt_version: self.engine.prompt_version().to_owned(),
        }))
    }
}
