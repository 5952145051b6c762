use super::deadline::Inherit;
use super::health::ReadinessHealth;
use super::server_span::ServerSpan;
use crate::readiness::Readiness;
use anyhow::Context;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic_health::pb::health_server::HealthServer;
use tower::layer::layer_fn;
use vigie_identity::ServiceName;
use vigie_identity::grpc::AuthLayer;
use vigie_identity::tokens::Verifier;

/// Largest message either way; for `max_decoding_message_size` and `max_encoding_message_size` of
/// generated servers and clients, which cannot be set from outside.
pub const MAX_MESSAGE_BYTES: usize = 16 * 1024 * 1024;

const CALLS_PER_CONNECTION: usize = 256;
const STREAMS_PER_CONNECTION: u32 = 512;
const LONGEST_CALL: Duration = Duration::from_mins(2);
const KEEPALIVE_EVERY: Duration = Duration::from_secs(10);
const KEEPALIVE_PATIENCE: Duration = Duration::from_secs(20);
const HEADER_BYTES: u32 = 32 * 1024;
/// Connections end after 5 to 10 minutes, so that new replicas get traffic; different for each
/// process, because tonic adds no jitter and all connections of a roll-out start together.
const CONNECTION_AGE_SECONDS: std::ops::Range<u64> = 300..600;
/// Longer than any streamed answer.
const CONNECTION_GRACE: Duration = Duration::from_mins(5);

/// What a service says about its RPCs.
#[derive(Debug, Clone, Copy, Default)]
pub struct GrpcOptions {
    /// Full paths of RPCs that need no credential (`/vigie.auth.v1.AuthService/Login`).
    pub public: &'static [&'static str],
    /// Encoded file descriptor sets, for reflection.
    pub descriptors: &'static [&'static [u8]],
}

/// What the server is built of.
pub(crate) struct Parts {
    pub(crate) service: ServiceName,
    pub(crate) listener: TcpListener,
    pub(crate) verifier: Arc<Verifier>,
    pub(crate) readiness: Readiness,
    pub(crate) stop: CancellationToken,
}

/// Serves until `stop`, then finishes the calls that are open.
pub(crate) async fn serve(
    parts: Parts,
    routes: Routes,
    options: GrpcOptions,
) -> anyhow::Result<()> {
    let Parts {
        service,
        listener,
        verifier,
        readiness,
        stop,
    } = parts;
    let mut reflection = tonic_reflection::server::Builder::configure();
    for descriptors in options.descriptors {
        reflection = reflection.register_encoded_file_descriptor_set(descriptors);
    }
    let routes = routes
        .add_service(HealthServer::new(ReadinessHealth(readiness)))
        .add_service(
            reflection
                .build_v1()
                .context("the descriptors for reflection are broken")?,
        );
    let age = Duration::from_secs(rand::random_range(CONNECTION_AGE_SECONDS));

    Server::builder()
        .concurrency_limit_per_connection(CALLS_PER_CONNECTION)
        .load_shed(true)
        .timeout(LONGEST_CALL)
        .max_concurrent_streams(STREAMS_PER_CONNECTION)
        .http2_keepalive_interval(Some(KEEPALIVE_EVERY))
        .http2_keepalive_timeout(Some(KEEPALIVE_PATIENCE))
        .http2_max_header_list_size(HEADER_BYTES)
        .max_connection_age(age)
        .max_connection_age_grace(CONNECTION_GRACE)
        // Outermost first. The span sees refused calls too; the deadline covers the key fetch.
        .layer(layer_fn(ServerSpan))
        .layer(layer_fn(Inherit))
        .layer(AuthLayer::new(
            verifier,
            service,
            options.public.iter().copied(),
        ))
        .add_routes(routes)
        .serve_with_incoming_shutdown(
            TcpIncoming::from(listener).with_nodelay(Some(true)),
            stop.cancelled_owned(),
        )
        .await
        .context("the gRPC server failed")
}
