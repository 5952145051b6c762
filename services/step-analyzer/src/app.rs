//! Wiring: configuration to parts.

use crate::config::Config;
use crate::context::Contexts;
use crate::events::AnalyzeStep;
use crate::rpc;
use std::sync::Arc;
use std::time::Duration;
use tonic::service::Routes;
use vigie_bus::{ConsumerOptions, Consumers};
use vigie_identity::ServiceName;
use vigie_service::{Boot, GrpcOptions};

/// Longest analysis of one step, retries of the call included.
const STEP_DEADLINE: Duration = Duration::from_secs(20 * 60);
/// Tries after crashes; a provider that is down does not count, its steps are deferred.
const MAX_ATTEMPTS: u32 = 3;

/// Starts the service.
pub async fn start(boot: Boot<Config>) -> anyhow::Result<()> {
    let engine = Arc::new(boot.config.engine.build()?);
    tracing::info!(
        engine = engine.name(),
        model = engine.model(),
        "engine chosen"
    );
    let bus = boot.bus().await?;
    let orchestrator = boot.channel(ServiceName::AuditOrchestrator);
    let worker = AnalyzeStep {
        bus: bus.clone(),
        contexts: Contexts::new(orchestrator, boot.config.context_ttl),
        engine: Arc::clone(&engine),
    };
    let mut consumers = Consumers::new(bus, None, boot.tasks.clone(), boot.stop.clone());
    let options = ConsumerOptions {
        name: "step",
        max_ack_pending: boot.config.max_concurrency,
        slots: boot.config.slots,
        batch: boot.config.engine.steps_at_once(),
        deadline: STEP_DEADLINE,
        max_attempts: MAX_ATTEMPTS,
        ..ConsumerOptions::default()
    };
    consumers.stateless(options, worker).await?;
    let options = GrpcOptions {
        descriptors: &[vigie_contracts::DESCRIPTORS],
        ..Default::default()
    };
    boot.serve_grpc(Routes::new(rpc::service(engine)), options);
    Ok(())
}
