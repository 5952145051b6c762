//! The three services that automation asks over gRPC, played by the test.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};
use url::Url;
use vigie_automation::neighbours::Neighbours;
use vigie_contracts::audit::v1 as audit;
use vigie_contracts::audit::v1::audit_service_server::{AuditService, AuditServiceServer};
use vigie_contracts::auth::v1 as auth;
use vigie_contracts::auth::v1::principal_service_server::{
    PrincipalService, PrincipalServiceServer,
};
use vigie_contracts::fiche::v1 as fiche;
use vigie_contracts::fiche::v1::fiche_service_server::{FicheService, FicheServiceServer};
use vigie_service::{InternalChannel, ServiceName};

/// What the neighbours answer.
#[derive(Debug, Default)]
pub struct Answers {
    /// Active configurations.
    pub configs: Vec<i64>,
    /// Audits by tracking id: status and error.
    pub tracked: Vec<(String, &'static str)>,
    /// Fiches that the caller may read.
    pub readable: HashSet<String>,
    /// Groupes of fiches that are known to the service itself.
    pub groupes: HashMap<String, String>,
    /// Who users are now; others may read everything.
    pub principals: HashMap<String, auth::GetPrincipalResponse>,
    /// How often the scope was asked for.
    pub scope_questions: usize,
}

/// Answers that a test changes while the servers run.
pub type Shared = Arc<Mutex<Answers>>;

struct Fake(Shared);

/// An implementation whose other RPCs nobody calls here.
macro_rules! fake {
    ($service:ident in $package:ident {
        $($method:ident($request:ident) -> $response:ident;)*
    } $($played:item)*) => {
        #[tonic::async_trait]
        impl $service for Fake {
            $(async fn $method(
                &self,
                _: Request<$package::$request>,
            ) -> Result<Response<$package::$response>, Status> {
                Err(Status::unimplemented(stringify!($method)))
            })*
            $($played)*
        }
    };
}

fake! {
    AuditService in audit {
        run_audit(RunAuditRequest) -> RunAuditResponse;
        run_latest(RunLatestRequest) -> RunAuditResponse;
        list_audits(ListAuditsRequest) -> ListAuditsResponse;
        list_by_fiche(ListByFicheRequest) -> ListByFicheResponse;
        get_audit(GetAuditRequest) -> GetAuditResponse;
        list_fiche_statuses(ListFicheStatusesRequest) -> ListFicheStatusesResponse;
        check_channel(CheckChannelRequest) -> CheckChannelResponse;
        list_configs(ListConfigsRequest) -> ListConfigsResponse;
        get_audit_context(GetAuditContextRequest) -> GetAuditContextResponse;
        get_step_state(GetStepStateRequest) -> GetStepStateResponse;
    }

    async fn list_by_tracking(
        &self,
        request: Request<audit::ListByTrackingRequest>,
    ) -> Result<Response<audit::ListByTrackingResponse>, Status> {
        let wanted = request.into_inner().tracking_ids;
        let answers = self.0.lock().unwrap();
        let known = answers.tracked.iter().filter(|(id, _)| wanted.contains(id));
        let audits = known.map(|(id, status)| audit::TrackedAudit {
            tracking_id: id.clone(),
            audit_id: "900".to_owned(),
            status: (*status).to_owned(),
            error_message: (*status == "failed").then(|| "boom".to_owned()),
        });
        Ok(Response::new(audit::ListByTrackingResponse { audits: audits.collect() }))
    }

    async fn resolve_configs(
        &self,
        request: Request<audit::ResolveConfigsRequest>,
    ) -> Result<Response<audit::ResolveConfigsResponse>, Status> {
        let request = request.into_inner();
        let answers = self.0.lock().unwrap();
        let known = answers.configs.iter().map(ToString::to_string);
        let chosen = known.filter(|id| request.automatic || request.config_ids.contains(id));
        let configs = chosen.map(|id| audit::ResolvedConfig { id, name: "Qualité".to_owned(), revision: 2 });
        Ok(Response::new(audit::ResolveConfigsResponse { configs: configs.collect() }))
    }
}

fake! {
    FicheService in fiche {
        get_fiche(GetFicheRequest) -> GetFicheResponse;
        search_sales(SearchSalesRequest) -> SearchSalesResponse;
        list_by_date(ListByDateRequest) -> ListByDateResponse;
        list_recordings(ListRecordingsRequest) -> ListRecordingsResponse;
    }

    async fn get_summaries(
        &self,
        request: Request<fiche::GetSummariesRequest>,
    ) -> Result<Response<fiche::GetSummariesResponse>, Status> {
        let token = request.metadata().get("authorization").cloned();
        let request = request.into_inner();
        let mut answers = self.0.lock().unwrap();
        let Some(token) = token else {
            let known = request.fiche_ids.into_iter().filter_map(|fiche_id| {
                let groupe = Some(answers.groupes.get(&fiche_id)?.clone());
                Some(fiche::FicheSummary { fiche_id, groupe, ..Default::default() })
            });
            let fiches = known.collect();
            return Ok(Response::new(fiche::GetSummariesResponse { fiches, refused: Vec::new() }));
        };
        if token.as_bytes() != b"Bearer user-token" {
            return Err(Status::unauthenticated("no user"));
        }
        answers.scope_questions += 1;
        assert_eq!((request.permission.as_str(), request.write), ("fiches", false));
        let seen = request.fiche_ids.into_iter().filter(|id| answers.readable.contains(id));
        let fiches = seen.map(|fiche_id| fiche::FicheSummary { fiche_id, ..Default::default() });
        Ok(Response::new(fiche::GetSummariesResponse { fiches: fiches.collect(), refused: Vec::new() }))
    }
}

fake! {
    PrincipalService in auth {}

    async fn get_principal(
        &self,
        request: Request<auth::GetPrincipalRequest>,
    ) -> Result<Response<auth::GetPrincipalResponse>, Status> {
        let user = request.into_inner().user_id;
        let known = self.0.lock().unwrap().principals.get(&user).cloned();
        Ok(Response::new(known.unwrap_or_else(|| reader(&user, "ALL", &[]))))
    }
}

/// A user who reads fiches in this scope.
pub fn reader(user: &str, scope: &str, groupes: &[&str]) -> auth::GetPrincipalResponse {
    let grant = auth::Grant {
        key: "fiches".to_owned(),
        read: true,
        write: false,
        read_scope: scope.to_owned(),
        write_scope: "SELF".to_owned(),
    };
    auth::GetPrincipalResponse {
        active: true,
        user_id: user.to_owned(),
        email: "somebody@example.org".to_owned(),
        groupes: groupes.iter().map(ToString::to_string).collect(),
        grants: vec![grant],
        ..Default::default()
    }
}

/// Starts all, and the clients of them.
pub async fn start(answers: &Shared, servers: &mut JoinSet<()>) -> Neighbours {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url: Url = format!("http://{}", listener.local_addr().unwrap())
        .parse()
        .unwrap();
    let server = Server::builder()
        .add_service(AuditServiceServer::new(Fake(Arc::clone(answers))))
        .add_service(FicheServiceServer::new(Fake(Arc::clone(answers))))
        .add_service(PrincipalServiceServer::new(Fake(Arc::clone(answers))));
    servers.spawn(async move {
        server
            .serve_with_incoming(TcpIncoming::from(listener))
            .await
            .unwrap();
    });
    let channel = |target| InternalChannel::anonymous(target, &url).unwrap();
    Neighbours::new(
        channel(ServiceName::FicheCache),
        channel(ServiceName::AuditOrchestrator),
        channel(ServiceName::Auth),
    )
}
