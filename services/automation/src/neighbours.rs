//! What runs ask other services for, over gRPC.

use crate::domain::item::AuditEnd;
use crate::domain::plan::Plan;
use crate::domain::snapshot::UsedConfig;
use crate::workflow::{Tracked, TrackedAudits};
use std::collections::HashSet;
use std::time::Duration;
use tonic::Request;
use vigie_contracts::audit::v1::audit_service_client::AuditServiceClient;
use vigie_contracts::audit::v1::{ListByTrackingRequest, ResolveConfigsRequest};
use vigie_contracts::fiche::v1::GetSummariesRequest;
use vigie_contracts::fiche::v1::fiche_service_client::FicheServiceClient;
use vigie_events::ids::{FicheId, TrackingId};
use vigie_identity::Caller;
use vigie_identity::grpc::with_user;
use vigie_service::InternalChannel;
use vigie_service::grpc::MAX_MESSAGE_BYTES;

/// Bound of a call made while handling a message or sweeping.
const TIMEOUT: Duration = Duration::from_secs(20);
/// Bound of the scope question, which may look fiches up in the CRM.
const SCOPE_TIMEOUT: Duration = Duration::from_secs(60);

/// A neighbour did not answer, or not usefully.
#[derive(Debug, thiserror::Error)]
pub enum NeighbourError {
    /// The call failed.
    #[error("{call} failed: {}", status.code())]
    Call {
        /// Which.
        call: &'static str,
        /// How.
        status: Box<tonic::Status>,
    },
    /// The answer holds no id where one is to be.
    #[error("{call} answered an unusable id")]
    BadId {
        /// Which.
        call: &'static str,
    },
}

fn failed(call: &'static str) -> impl Fn(tonic::Status) -> NeighbourError {
    move |status| NeighbourError::Call {
        call,
        status: Box::new(status),
    }
}

/// Clients of the services that runs depend on.
#[derive(Clone)]
pub struct Neighbours {
    fiches: FicheServiceClient<InternalChannel>,
    audits: AuditServiceClient<InternalChannel>,
}

impl Neighbours {
    /// Clients over these channels.
    pub fn new(fiche_cache: InternalChannel, audit: InternalChannel) -> Self {
        Self {
            fiches: FicheServiceClient::new(fiche_cache)
                .max_decoding_message_size(MAX_MESSAGE_BYTES),
            audits: AuditServiceClient::new(audit).max_decoding_message_size(MAX_MESSAGE_BYTES),
        }
    }

    /// Whether every one of these fiches is known and in the caller's reading scope, as
    /// fiche-cache sees it with the caller's own token.
    pub async fn may_read_all(
        &self,
        caller: &Caller,
        fiches: &[FicheId],
    ) -> Result<bool, NeighbourError> {
        let request = GetSummariesRequest {
            fiche_ids: fiches.iter().map(ToString::to_string).collect(),
            permission: "fiches".to_owned(),
            write: false,
            look_up: true,
        };
        let mut request = with_user(Request::new(request), caller);
        request.set_timeout(SCOPE_TIMEOUT);
        let answer = self.fiches.clone().get_summaries(request).await;
        let answer = answer.map_err(failed("GetSummaries"))?.into_inner();
        let seen: HashSet<&str> = answer
            .fiches
            .iter()
            .map(|fiche| fiche.fiche_id.as_str())
            .collect();
        Ok(answer.refused.is_empty() && fiches.iter().all(|fiche| seen.contains(fiche.as_str())))
    }

    /// The audit configurations of a run: existing and active ones, each once.
    pub async fn configs(&self, plan: &Plan) -> Result<Vec<UsedConfig>, NeighbourError> {
        const CALL: &str = "ResolveConfigs";
        let request = bounded(ResolveConfigsRequest {
            config_ids: plan.specific.iter().map(ToString::to_string).collect(),
            automatic: plan.automatic,
        });
        let answer = self.audits.clone().resolve_configs(request).await;
        let mut used: Vec<UsedConfig> = Vec::new();
        for config in answer.map_err(failed(CALL))?.into_inner().configs {
            let id = config
                .id
                .parse()
                .map_err(|_| NeighbourError::BadId { call: CALL })?;
            if used.iter().all(|known| known.id != id) {
                used.push(UsedConfig {
                    id,
                    name: config.name,
                    revision: config.revision,
                });
            }
        }
        Ok(used)
    }

    /// What the audit service knows of these audits.
    pub async fn tracked(&self, ids: &[TrackingId]) -> Result<TrackedAudits, NeighbourError> {
        const CALL: &str = "ListByTracking";
        let request = bounded(ListByTrackingRequest {
            tracking_ids: ids.iter().map(ToString::to_string).collect(),
        });
        let answer = self.audits.clone().list_by_tracking(request).await;
        let mut tracked = TrackedAudits::new();
        for audit in answer.map_err(failed(CALL))?.into_inner().audits {
            let id = audit.tracking_id.parse();
            let id = id.map_err(|_| NeighbourError::BadId { call: CALL })?;
            let end = match audit.status.as_str() {
                "completed" => Some(AuditEnd::Completed),
                "failed" => Some(AuditEnd::Failed(audit.error_message.unwrap_or_default())),
                _ => None,
            };
            tracked.insert(
                id,
                Tracked {
                    audit: audit.audit_id.parse().ok(),
                    end,
                },
            );
        }
        Ok(tracked)
    }
}

fn bounded<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(TIMEOUT);
    request
}
