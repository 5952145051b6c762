//! `vigie.fiche.v1.FicheWebhookService`: the log of a job's webhooks, and sending them again
//! (fiches.md 6.7).

use super::jobs::{JobRpcError, Owner, limit, visible};
use super::{FICHES_READ, FICHES_WRITE};
use crate::app::AppState;
use crate::domain::recording::iso;
use chrono::{DateTime, Utc};
use tonic::{Request, Response, Status};
use vigie_contracts::fiche::v1 as pb;
use vigie_contracts::fiche::v1::fiche_webhook_service_server::{
    FicheWebhookService, FicheWebhookServiceServer,
};
use vigie_identity::{Caller, Denied, Guard};
use vigie_service::status;
use vigie_webhooks::{Again, Attempt, Delivery, Destination, Logged};

/// Destinations of one answer.
const MOST_DESTINATIONS: i64 = 500;

/// The gRPC service.
pub fn service(state: AppState) -> FicheWebhookServiceServer<impl FicheWebhookService> {
    FicheWebhookServiceServer::new(Rpc { state })
}

struct Rpc {
    state: AppState,
}

fn owner<T>(request: &Request<T>, guard: Guard) -> Result<Owner, Status> {
    let caller = Caller::from_request(request)?;
    let scope = caller.require(guard)?;
    Ok(Owner::of(caller.principal()?, scope))
}

/// Destinations are everybody's.
fn keeper<T>(request: &Request<T>) -> Result<(), Status> {
    if owner(request, FICHES_WRITE)?.scope.all() {
        Ok(())
    } else {
        Err(Denied::Forbidden.into())
    }
}

#[tonic::async_trait]
impl FicheWebhookService for Rpc {
    async fn list_deliveries(
        &self,
        request: Request<pb::ListDeliveriesRequest>,
    ) -> Result<Response<pb::ListDeliveriesResponse>, Status> {
        let owner = owner(&request, FICHES_READ)?;
        list(&self.state, &owner, request.get_ref())
            .await
            .map_err(status)
            .map(Response::new)
    }

    async fn redeliver(
        &self,
        request: Request<pb::RedeliverRequest>,
    ) -> Result<Response<pb::RedeliverResponse>, Status> {
        let owner = owner(&request, FICHES_WRITE)?;
        redeliver(&self.state, &owner, request.get_ref())
            .await
            .map_err(status)
            .map(Response::new)
    }

    async fn list_failing_destinations(
        &self,
        request: Request<pb::ListFailingDestinationsRequest>,
    ) -> Result<Response<pb::ListFailingDestinationsResponse>, Status> {
        keeper(&request)?;
        destinations(&self.state)
            .await
            .map_err(status)
            .map(Response::new)
    }

    async fn enable_destination(
        &self,
        request: Request<pb::EnableDestinationRequest>,
    ) -> Result<Response<pb::EnableDestinationResponse>, Status> {
        keeper(&request)?;
        enable(&self.state, &request.get_ref().url)
            .await
            .map_err(status)
            .map(Response::new)
    }
}

#[tracing::instrument(name = "rpc.fiche.list_deliveries", skip_all, err(level = "debug"))]
async fn list(
    state: &AppState,
    owner: &Owner,
    request: &pb::ListDeliveriesRequest,
) -> Result<pb::ListDeliveriesResponse, JobRpcError> {
    let limit = limit(request.limit)?;
    let after = match request.cursor.as_deref() {
        None => None,
        Some(text) => {
            let found = cursor(text);
            Some(found.ok_or_else(|| JobRpcError::invalid("query.cursor", "Invalid cursor"))?)
        }
    };
    let mut conn = state.db.acquire().await?;
    let job = visible(&mut conn, owner, &request.job_id).await?;
    let mut log = state
        .webhooks
        .log(&mut conn, &job.id, limit + 1, after)
        .await?;
    let page = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = log.len() > page;
    log.truncate(page);
    let last = log.last().filter(|_| more);
    Ok(pb::ListDeliveriesResponse {
        next_cursor: last.map(|last| write_cursor(&last.delivery)),
        deliveries: log.into_iter().map(encode).collect(),
    })
}

#[tracing::instrument(name = "rpc.fiche.redeliver", skip_all, err(level = "debug"))]
async fn redeliver(
    state: &AppState,
    owner: &Owner,
    request: &pb::RedeliverRequest,
) -> Result<pb::RedeliverResponse, JobRpcError> {
    let mut tx = state.db.begin().await?;
    let job = visible(&mut tx, owner, &request.job_id).await?;
    let id = &request.delivery_id;
    match state.webhooks.redeliver(&mut tx, &job.id, id).await? {
        Again::Due | Again::UnderWay => {}
        Again::Disabled => {
            return Err(JobRpcError::Conflict(
                "The webhook's destination is disabled",
            ));
        }
        Again::Unknown => return Err(JobRpcError::NotFound("Webhook delivery not found")),
    }
    tx.commit().await?;
    Ok(pb::RedeliverResponse {
        id: id.clone(),
        status: "pending".to_owned(),
    })
}

#[tracing::instrument(
    name = "rpc.fiche.list_failing_destinations",
    skip_all,
    err(level = "debug")
)]
async fn destinations(
    state: &AppState,
) -> Result<pb::ListFailingDestinationsResponse, JobRpcError> {
    let mut conn = state.db.acquire().await?;
    let failing = state.webhooks.failing(&mut conn, MOST_DESTINATIONS).await?;
    let encode = |one: Destination| pb::WebhookDestination {
        url: one.url,
        first_failed_at: one.first_failed_at.map(iso),
        disabled_at: one.disabled_at.map(iso),
        last_error: one.last_error,
    };
    Ok(pb::ListFailingDestinationsResponse {
        destinations: failing.into_iter().map(encode).collect(),
    })
}

#[tracing::instrument(name = "rpc.fiche.enable_destination", skip_all, err(level = "debug"))]
async fn enable(state: &AppState, url: &str) -> Result<pb::EnableDestinationResponse, JobRpcError> {
    let mut conn = state.db.acquire().await?;
    let enabled = state.webhooks.enable(&mut conn, url).await?;
    Ok(pb::EnableDestinationResponse { enabled })
}

fn encode(logged: Logged) -> pb::WebhookDelivery {
    let attempt = |attempt: Attempt| pb::WebhookAttempt {
        attempt: attempt.attempt,
        at: iso(attempt.at),
        status_code: attempt.status_code,
        latency_ms: attempt.latency_ms,
        error: attempt.error,
    };
    let delivery = logged.delivery;
    pb::WebhookDelivery {
        id: delivery.id,
        event: delivery.event,
        status: delivery.status,
        sequence: delivery.sequence,
        attempts: logged.attempts.into_iter().map(attempt).collect(),
        next_retry_at: delivery.next_retry_at.map(iso),
        created_at: iso(delivery.created_at),
    }
}

fn write_cursor(delivery: &Delivery) -> String {
    format!("{}.{}", delivery.created_at.timestamp_micros(), delivery.id)
}

fn cursor(text: &str) -> Option<(DateTime<Utc>, &str)> {
    let (micros, id) = text.split_once('.')?;
    let at = DateTime::from_timestamp_micros(micros.parse().ok()?)?;
    Some((at, id))
}
