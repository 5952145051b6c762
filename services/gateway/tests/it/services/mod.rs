//! The scripted services.

mod account;
mod admin;
mod audit;
mod audit_batches;
mod audit_configs;
mod audit_operations;
mod auth;
mod automation;
mod fiche;
pub mod fiche_jobs;
mod fiche_maintenance;
mod rescore;
mod review;
mod transcription;
mod transcription_operations;
mod trust;

use crate::world::World;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use vigie_contracts::audit::v1::audit_operations_service_server::AuditOperationsServiceServer;
use vigie_contracts::audit::v1::audit_service_server::AuditServiceServer;
use vigie_contracts::audit::v1::batch_service_server::BatchServiceServer;
use vigie_contracts::audit::v1::config_service_server::ConfigServiceServer;
use vigie_contracts::audit::v1::projection_service_server::ProjectionServiceServer;
use vigie_contracts::audit::v1::rescore_service_server::RescoreServiceServer;
use vigie_contracts::audit::v1::review_service_server::ReviewServiceServer;
use vigie_contracts::auth::v1::account_service_server::AccountServiceServer;
use vigie_contracts::auth::v1::admin_service_server::AdminServiceServer;
use vigie_contracts::auth::v1::auth_service_server::AuthServiceServer;
use vigie_contracts::auth::v1::trust_service_server::TrustServiceServer;
use vigie_contracts::automation::v1::automation_service_server::AutomationServiceServer;
use vigie_contracts::automation::v1::link_service_server::LinkServiceServer;
use vigie_contracts::fiche::v1::fiche_job_service_server::FicheJobServiceServer;
use vigie_contracts::fiche::v1::fiche_maintenance_service_server::FicheMaintenanceServiceServer;
use vigie_contracts::fiche::v1::fiche_service_server::FicheServiceServer;
use vigie_contracts::fiche::v1::fiche_webhook_service_server::FicheWebhookServiceServer;
use vigie_contracts::transcription::v1::transcription_operations_service_server::TranscriptionOperationsServiceServer;
use vigie_contracts::transcription::v1::transcription_service_server::TranscriptionServiceServer;

/// A service of the world; one type for each contract.
pub struct Service(pub Arc<World>);

/// Answers all contracts on one port until `stop`.
pub fn serve(world: &Arc<World>, listener: TcpListener, stop: CancellationToken) {
    let service = || Service(Arc::clone(world));
    let server = Server::builder()
        .add_service(AuthServiceServer::new(service()))
        .add_service(AccountServiceServer::new(service()))
        .add_service(AdminServiceServer::new(service()))
        .add_service(TrustServiceServer::new(service()))
        .add_service(FicheServiceServer::new(service()))
        .add_service(FicheJobServiceServer::new(service()))
        .add_service(FicheWebhookServiceServer::new(service()))
        .add_service(FicheMaintenanceServiceServer::new(service()))
        .add_service(ProjectionServiceServer::new(service()))
        .add_service(RescoreServiceServer::new(service()))
        .add_service(TranscriptionServiceServer::new(service()))
        .add_service(TranscriptionOperationsServiceServer::new(service()))
        .add_service(AuditServiceServer::new(service()))
        .add_service(AuditOperationsServiceServer::new(service()))
        .add_service(BatchServiceServer::new(service()))
        .add_service(ConfigServiceServer::new(service()))
        .add_service(ReviewServiceServer::new(service()))
        .add_service(AutomationServiceServer::new(service()))
        .add_service(LinkServiceServer::new(service()))
        .serve_with_incoming_shutdown(TcpIncoming::from(listener), stop.cancelled_owned());
    TaskTracker::new().spawn(server);
}
