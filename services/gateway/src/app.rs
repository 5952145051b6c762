//! Wiring: configuration to parts.

use crate::bridge::{self, Bridge, EndConnections, Publisher};
use crate::config::Config;
use crate::http;
use crate::http::Recordings;
use crate::http::edge::{ApiTokens, Credentials, told};
use crate::live::{Fanout, Live, hub};
use anyhow::Context;
use std::net::{Ipv4Addr, SocketAddr};
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tonic::Request;
use vigie_bus::{Bus, ConsumerOptions, Consumers};
use vigie_contracts::audit::v1::audit_operations_service_client::AuditOperationsServiceClient;
use vigie_contracts::audit::v1::audit_service_client::AuditServiceClient;
use vigie_contracts::audit::v1::batch_service_client::BatchServiceClient;
use vigie_contracts::audit::v1::config_service_client::ConfigServiceClient;
use vigie_contracts::audit::v1::projection_service_client::ProjectionServiceClient;
use vigie_contracts::audit::v1::rescore_service_client::RescoreServiceClient;
use vigie_contracts::audit::v1::review_service_client::ReviewServiceClient;
use vigie_contracts::auth::v1::account_service_client::AccountServiceClient;
use vigie_contracts::auth::v1::admin_service_client::AdminServiceClient;
use vigie_contracts::auth::v1::auth_service_client::AuthServiceClient;
use vigie_contracts::auth::v1::trust_service_client::TrustServiceClient;
use vigie_contracts::automation::v1::automation_service_client::AutomationServiceClient;
use vigie_contracts::automation::v1::link_service_client::LinkServiceClient;
use vigie_contracts::fiche::v1::fiche_job_service_client::FicheJobServiceClient;
use vigie_contracts::fiche::v1::fiche_maintenance_service_client::FicheMaintenanceServiceClient;
use vigie_contracts::fiche::v1::fiche_service_client::FicheServiceClient;
use vigie_contracts::fiche::v1::fiche_webhook_service_client::FicheWebhookServiceClient;
use vigie_contracts::transcription::v1::transcription_operations_service_client::TranscriptionOperationsServiceClient;
use vigie_contracts::transcription::v1::transcription_service_client::TranscriptionServiceClient;
use vigie_identity::grpc::with_user;
use vigie_identity::{Caller, Clock, ServiceName};
use vigie_service::grpc::MAX_MESSAGE_BYTES;
use vigie_service::{Boot, InternalChannel};

/// Longest wait for an answer that may need the CRM, its retries included.
const CRM_PATIENCE: Duration = Duration::from_secs(100);

/// Parts of the gateway.
pub struct Parts {
    /// Settings.
    pub config: Config,
    /// Names this replica.
    pub instance: String,
    /// The time.
    pub clock: Clock,
    /// Cancelled when the service stops; event streams end then.
    pub stop: CancellationToken,
    /// Who calls.
    pub credentials: Credentials,
    /// Live events.
    pub live: Live,
    /// Accounts and tokens.
    pub auth: AuthServiceClient<InternalChannel>,
    /// What people do with their own account.
    pub account: AccountServiceClient<InternalChannel>,
    /// Administration of accounts.
    pub admin: AdminServiceClient<InternalChannel>,
    /// Keys that sign tokens.
    pub trust: TrustServiceClient<InternalChannel>,
    /// Fiches.
    pub fiches: FicheServiceClient<InternalChannel>,
    /// Jobs that fetch days of sales.
    pub fetch_jobs: FicheJobServiceClient<InternalChannel>,
    /// Webhooks of those jobs.
    pub fiche_webhooks: FicheWebhookServiceClient<InternalChannel>,
    /// Operators' work on the cache.
    pub fiche_maintenance: FicheMaintenanceServiceClient<InternalChannel>,
    /// What audits know of fiches.
    pub projection: ProjectionServiceClient<InternalChannel>,
    /// Audits under changed weights.
    pub rescore: RescoreServiceClient<InternalChannel>,
    /// Transcripts.
    pub transcriptions: TranscriptionServiceClient<InternalChannel>,
    /// Batches of transcriptions, and logs.
    pub transcription_operations: TranscriptionOperationsServiceClient<InternalChannel>,
    /// Audits.
    pub audits: AuditServiceClient<InternalChannel>,
    /// Groups, logs and changes of audits.
    pub audit_operations: AuditOperationsServiceClient<InternalChannel>,
    /// Batches of audits.
    pub audit_batches: BatchServiceClient<InternalChannel>,
    /// The catalogue of configurations.
    pub audit_configs: ConfigServiceClient<InternalChannel>,
    /// Decisions about results, and re-runs.
    pub reviews: ReviewServiceClient<InternalChannel>,
    /// Links to recordings, where the CRM's addresses are not shown.
    pub recordings: Option<Recordings>,
    /// Schedules and runs.
    pub automation: AutomationServiceClient<InternalChannel>,
    /// Names of schedules and runs.
    pub links: LinkServiceClient<InternalChannel>,
}

/// State shared by all handlers.
#[derive(Clone)]
pub struct AppState(Arc<Parts>);

impl AppState {
    /// From ready pieces.
    pub fn from_parts(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }
}

impl Deref for AppState {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

/// A call for a caller who is not known, or does not matter.
pub fn anonymous_call<T>(body: T) -> Request<T> {
    told(Request::new(body))
}

/// A call for this caller, within the usual deadline.
pub fn call<T>(caller: &Caller, body: T) -> Request<T> {
    with_user(told(Request::new(body)), caller)
}

/// A call for this caller that may have to wait for the CRM.
pub fn patient_call<T>(caller: &Caller, body: T) -> Request<T> {
    let mut request = call(caller, body);
    request.set_timeout(CRM_PATIENCE);
    request
}

/// Starts the service.
pub async fn start(boot: Boot<Config>) -> anyhow::Result<()> {
    serve(boot).await.map(drop)
}

/// Shows events to clients of Pusher too, where it is configured.
async fn bridge(boot: &Boot<Config>, bus: &Bus) -> anyhow::Result<()> {
    let settings = &boot.config.pusher;
    let Some(account) = settings.account.clone() else {
        tracing::warn!("Pusher is not configured: event streams are the only way of live events");
        return Ok(());
    };
    let queue = bus.realtime_queue(bridge::CONSUMER).await?;
    let publisher = Publisher::new(account, settings, boot.clock.clone())?;
    let publisher = Arc::new(publisher);
    let bridge = Bridge::new(queue, Arc::clone(&publisher), settings);
    boot.spawn("pusher", bridge.run(boot.stop.clone()));
    let mut consumers = Consumers::new(bus.clone(), None, boot.tasks.clone(), boot.stop.clone());
    let options = ConsumerOptions {
        name: "pusher-users",
        slots: 1,
        batch: 8,
        ..ConsumerOptions::default()
    };
    let worker = EndConnections { publisher };
    Ok(consumers.stateless(options, worker).await?)
}

/// Starts the service and says where it answers HTTP.
pub async fn serve(boot: Boot<Config>) -> anyhow::Result<SocketAddr> {
    let bus = boot.bus().await?;
    let fanout = Arc::new(Fanout::default());
    let feed = hub::Feed::open(bus.clone(), Arc::clone(&fanout))
        .await
        .context("cannot follow the realtime stream")?;
    boot.spawn("realtime", feed.run(boot.stop.clone()));
    bridge(&boot, &bus).await?;

    let recordings = boot.config.links.as_ref().map(Recordings::new);
    let auth = AuthServiceClient::new(boot.channel(ServiceName::Auth))
        .max_decoding_message_size(MAX_MESSAGE_BYTES);
    let state = AppState::from_parts(Parts {
        config: boot.config.clone(),
        instance: boot.platform.instance.clone(),
        clock: boot.clock.clone(),
        stop: boot.stop.clone(),
        recordings: recordings.transpose()?,
        credentials: Credentials::new(boot.verifier(), ApiTokens::new(auth.clone())),
        live: Live { bus, fanout },
        auth,
        account: AccountServiceClient::new(boot.channel(ServiceName::Auth))
            .max_decoding_message_size(MAX_MESSAGE_BYTES),
        admin: AdminServiceClient::new(boot.channel(ServiceName::Auth))
            .max_decoding_message_size(MAX_MESSAGE_BYTES),
        trust: TrustServiceClient::new(boot.channel(ServiceName::Auth)),
        fiches: FicheServiceClient::new(boot.channel(ServiceName::FicheCache))
            .max_decoding_message_size(MAX_MESSAGE_BYTES),
        fetch_jobs: FicheJobServiceClient::new(boot.channel(ServiceName::FicheCache))
            .max_decoding_message_size(MAX_MESSAGE_BYTES),
        fiche_webhooks: FicheWebhookServiceClient::new(boot.channel(ServiceName::FicheCache))
            .max_decoding_message_size(MAX_MESSAGE_BYTES),
        fiche_maintenance: FicheMaintenanceServiceClient::new(
            boot.channel(ServiceName::FicheCache),
        ),
        projection: ProjectionServiceClient::new(boot.channel(ServiceName::AuditOrchestrator)),
        rescore: RescoreServiceClient::new(boot.channel(ServiceName::AuditOrchestrator)),
        transcriptions: TranscriptionServiceClient::new(boot.channel(ServiceName::Transcription))
            .max_decoding_message_size(MAX_MESSAGE_BYTES),
        transcription_operations: TranscriptionOperationsServiceClient::new(
            boot.channel(ServiceName::Transcription),
        )
        .max_decoding_message_size(MAX_MESSAGE_BYTES),
        audits: AuditServiceClient::new(boot.channel(ServiceName::AuditOrchestrator))
            .max_decoding_message_size(MAX_MESSAGE_BYTES),
        audit_operations: AuditOperationsServiceClient::new(
            boot.channel(ServiceName::AuditOrchestrator),
        )
        .max_decoding_message_size(MAX_MESSAGE_BYTES),
        audit_batches: BatchServiceClient::new(boot.channel(ServiceName::AuditOrchestrator)),
        audit_configs: ConfigServiceClient::new(boot.channel(ServiceName::AuditOrchestrator))
            .max_decoding_message_size(MAX_MESSAGE_BYTES),
        reviews: ReviewServiceClient::new(boot.channel(ServiceName::AuditOrchestrator)),
        links: LinkServiceClient::new(boot.channel(ServiceName::Automation)),
        automation: AutomationServiceClient::new(boot.channel(ServiceName::Automation))
            .max_decoding_message_size(MAX_MESSAGE_BYTES),
    });
    let addr = SocketAddr::from((Ipv4Addr::UNSPECIFIED, boot.config.port));
    let bound = boot.serve_http(addr, http::router(state))?;
    tracing::info!(http = %bound, "serving");
    Ok(bound)
}
