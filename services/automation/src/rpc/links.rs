//! `vigie.automation.v1.LinkService`: what others show of schedules and runs.

use crate::app::AppState;
use crate::domain::time::iso;
use crate::rpc::RpcError;
use crate::store::links;
use tonic::{Request, Response, Status};
use vigie_contracts::automation::v1::link_service_server::{LinkService, LinkServiceServer};
use vigie_contracts::automation::v1::{
    DescribeLinksRequest, DescribeLinksResponse, RunLink, ScheduleLink,
};
use vigie_identity::{Caller, Guard, ServiceName};
use vigie_service::status;

const AUDITS: Guard = Guard::parse("audits.read");
/// A page of a list has no more.
const MOST: usize = 1_000;

/// The gRPC service.
pub fn service(state: AppState) -> LinkServiceServer<LinkRpc> {
    LinkServiceServer::new(LinkRpc::new(state))
}

/// Describes links over this state.
pub struct LinkRpc(AppState);

impl LinkRpc {
    /// Over these parts.
    pub const fn new(state: AppState) -> Self {
        Self(state)
    }
}

#[tonic::async_trait]
impl LinkService for LinkRpc {
    async fn describe_links(
        &self,
        request: Request<DescribeLinksRequest>,
    ) -> Result<Response<DescribeLinksResponse>, Status> {
        let caller = Caller::from_request(&request)?;
        caller.require_service(&[ServiceName::Gateway])?;
        caller.require(AUDITS)?;
        describe(&self.0, request.get_ref())
            .await
            .map(Response::new)
            .map_err(|error| status(RpcError::from(error)))
    }
}

async fn describe(
    state: &AppState,
    request: &DescribeLinksRequest,
) -> sqlx::Result<DescribeLinksResponse> {
    let (schedules, runs) = (ids(&request.schedule_ids), ids(&request.run_ids));
    let mut conn = state.db.acquire().await?;
    let mut answer = DescribeLinksResponse::default();
    if !schedules.is_empty() {
        let found = links::schedules(&mut conn, &schedules).await?;
        let found = found.into_iter().map(|(id, name)| ScheduleLink {
            id: id.to_string(),
            name,
        });
        answer.schedules = found.collect();
    }
    if !runs.is_empty() {
        let found = links::runs(&mut conn, &runs).await?;
        let found = found.into_iter().map(|run| RunLink {
            id: run.id.to_string(),
            status: run.status,
            started_at: iso(run.started_at),
            completed_at: run.completed_at.map(iso),
            schedule_id: run.schedule_id.to_string(),
        });
        answer.runs = found.collect();
    }
    Ok(answer)
}

/// What is no id names nothing.
fn ids(texts: &[String]) -> Vec<i64> {
    let ids = texts.iter().take(MOST).filter_map(|text| text.parse().ok());
    ids.collect()
}
