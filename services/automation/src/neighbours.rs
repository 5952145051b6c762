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
use vigie_contracts::auth::v1::principal_service_client::PrincipalServiceClient;
use vigie_contracts::auth::v1::{GetPrincipalRequest, GetPrincipalResponse};
use vigie_contracts::fiche::v1::GetSummariesRequest;
use vigie_contracts::fiche::v1::fiche_service_client::FicheServiceClient;
use vigie_events::ids::{FicheId, TrackingId, UserId};
use vigie_identity::grpc::with_user;
use vigie_identity::{Caller, FicheScope, Grant, Guard, Principal, PrincipalKind, Scope};
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

/// What decides which fiches a run may touch.
const FICHES: Guard = Guard::parse("fiches.read");

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
    principals: PrincipalServiceClient<InternalChannel>,
}

impl Neighbours {
    /// Clients over these channels.
    pub fn new(
        fiche_cache: InternalChannel,
        audit: InternalChannel,
        auth: InternalChannel,
    ) -> Self {
        Self {
            fiches: FicheServiceClient::new(fiche_cache)
                .max_decoding_message_size(MAX_MESSAGE_BYTES),
            audits: AuditServiceClient::new(audit).max_decoding_message_size(MAX_MESSAGE_BYTES),
            principals: PrincipalServiceClient::new(auth),
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

    /// Which of these fiches a user may not read, by what auth says of the user now and fiche-cache
    /// of the fiches. One that fiche-cache does not hold was decided when the run was triggered.
    pub async fn hidden_from(
        &self,
        user: UserId,
        fiches: &[String],
    ) -> Result<HashSet<String>, NeighbourError> {
        let Some(scope) = self.reading_scope(user).await? else {
            return Ok(fiches.iter().cloned().collect());
        };
        if scope.all() || fiches.is_empty() {
            return Ok(HashSet::new());
        }
        let request = bounded(GetSummariesRequest {
            fiche_ids: fiches.to_vec(),
            permission: "fiches".to_owned(),
            write: false,
            look_up: false,
        });
        let answer = self.fiches.clone().get_summaries(request).await;
        let known = answer.map_err(failed("GetSummaries"))?.into_inner().fiches;
        let hidden = known.into_iter().filter(|fiche| {
            !scope.allows(
                fiche.groupe.as_deref(),
                fiche.attribution_user_id.as_deref(),
            )
        });
        Ok(hidden.map(|fiche| fiche.fiche_id).collect())
    }

    /// Which fiches a user may read now; `None` when none at all.
    async fn reading_scope(&self, user: UserId) -> Result<Option<FicheScope>, NeighbourError> {
        let request = bounded(GetPrincipalRequest {
            user_id: user.to_string(),
        });
        let answer = match self.principals.clone().get_principal(request).await {
            Ok(answer) => answer.into_inner(),
            Err(status) if status.code() == tonic::Code::NotFound => return Ok(None),
            Err(status) => return Err(failed("GetPrincipal")(status)),
        };
        if !answer.active {
            return Ok(None);
        }
        Ok(principal(user, answer).require(FICHES).ok())
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

/// The user as a caller. Nothing is called with it, so it has no session and no end.
fn principal(user: UserId, now: GetPrincipalResponse) -> Principal {
    let scope = |text: &str| text.parse().unwrap_or(Scope::Own);
    let grants = now.grants.into_iter().map(|grant| Grant {
        read_scope: scope(&grant.read_scope),
        write_scope: scope(&grant.write_scope),
        key: grant.key,
        read: grant.read,
        write: grant.write,
    });
    Principal {
        kind: PrincipalKind::User(user),
        email: now.email,
        roles: now.roles,
        crm_user_id: now.crm_user_id,
        groupes: now.groupes,
        groupe_names: now.groupe_names,
        grants: grants.collect(),
        session: None,
        version: now.version,
        expires_at: chrono::DateTime::<chrono::Utc>::MAX_UTC,
    }
}
