use super::{deadline, split_path};
use crate::error::{ErrorCode, WireError};
use crate::telemetry;
use futures::future::BoxFuture;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::{BodyExt, Full};
use secrecy::ExposeSecret;
use std::error::Error;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::Instant;
use tonic::body::Body;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, ConnectError, Status};
use tower::{Service, ServiceExt};
use tracing::Instrument;
use url::Url;
use vigie_identity::grpc::INTERNAL_TOKEN;
use vigie_identity::tokens::InternalTokens;
use vigie_identity::{ServiceName, WIRE_CODE};

const CONNECT: Duration = Duration::from_secs(3);
const KEEPALIVE_EVERY: Duration = Duration::from_secs(10);
const KEEPALIVE_PATIENCE: Duration = Duration::from_secs(10);
const DEADLINE: Duration = Duration::from_secs(10);
/// Tries after the first.
const RETRIES: u32 = 2;
/// Shortest wait before a retry; up to as much again is added at random.
const RETRY_AFTER_MS: u64 = 50;

/// A channel to another service: connects when first used, carries the deadline, the internal token
/// and the trace, and tries again what never reached the other side.
///
/// A call's deadline is `Request::set_timeout`, else 10 s, and never later than that of the RPC being
/// answered. It bounds the wait for the answer's head: the rest of a stream is not cut.
#[derive(Clone)]
pub struct InternalChannel {
    // None: no such address; the service that was given it is ending.
    channel: Option<Channel>,
    target: ServiceName,
    tokens: Option<Arc<InternalTokens>>,
}

impl InternalChannel {
    /// A channel that carries internal tokens.
    pub fn new(
        target: ServiceName,
        url: &Url,
        tokens: Arc<InternalTokens>,
    ) -> Result<Self, tonic::transport::Error> {
        Ok(Self {
            tokens: Some(tokens),
            ..Self::anonymous(target, url)?
        })
    }

    /// A channel for public RPCs, among them the one that gives the first internal token.
    pub fn anonymous(target: ServiceName, url: &Url) -> Result<Self, tonic::transport::Error> {
        let channel = Endpoint::from_shared(url.as_str().to_owned())?
            .connect_timeout(CONNECT)
            .tcp_nodelay(true)
            .http2_keep_alive_interval(KEEPALIVE_EVERY)
            .keep_alive_timeout(KEEPALIVE_PATIENCE)
            .keep_alive_while_idle(true)
            .connect_lazy();
        Ok(Self {
            channel: Some(channel),
            ..Self::nowhere(target)
        })
    }

    /// A channel that reaches nobody.
    pub(crate) fn nowhere(target: ServiceName) -> Self {
        Self {
            channel: None,
            target,
            tokens: None,
        }
    }

    async fn send(self, request: Request<Body>) -> Result<Response<Body>, Status> {
        let until = deadline::of_call(request.headers(), DEADLINE);
        let timed_out = || Status::deadline_exceeded("the call took too long");
        tokio::time::timeout_at(until, self.attempts(request, until))
            .await
            .map_err(|_| timed_out())?
    }

    async fn attempts(
        self,
        request: Request<Body>,
        until: Instant,
    ) -> Result<Response<Body>, Status> {
        let (head, body) = request.into_parts();
        // No RPC of ours streams requests: the message is whole, and kept for another try.
        let body = body.collect().await?.to_bytes();
        let mut retries = 0;
        loop {
            let mut headers = head.headers.clone();
            deadline::write(&mut headers, until);
            telemetry::inject(&mut headers);
            self.authenticate(&mut headers).await?;
            let mut request = Request::new(Body::new(Full::new(body.clone())));
            *request.method_mut() = head.method.clone();
            *request.uri_mut() = head.uri.clone();
            *request.version_mut() = head.version;
            *request.extensions_mut() = head.extensions.clone();
            *request.headers_mut() = headers;

            let outcome = self.attempt(request).await;
            if retries == RETRIES || !was_not_done(&outcome) {
                return outcome.map_err(Status::from_error);
            }
            retries += 1;
            metrics::counter!("rpc_client_retries_total", "target" => self.target.as_str())
                .increment(1);
            let wait = RETRY_AFTER_MS * u64::from(retries);
            tokio::time::sleep(Duration::from_millis(wait + rand::random_range(0..=wait))).await;
        }
    }

    async fn authenticate(&self, headers: &mut HeaderMap) -> Result<(), Status> {
        let Some(tokens) = &self.tokens else {
            return Ok(());
        };
        let unavailable = || WireError::new(ErrorCode::Unavailable, "Service unavailable");
        let token = tokens.get(self.target).await.map_err(|error| {
            tracing::warn!(target_service = %self.target, error = %error, "call without a token");
            unavailable()
        })?;
        let mut value = HeaderValue::from_str(token.expose_secret()).map_err(|_| unavailable())?;
        value.set_sensitive(true);
        headers.insert(INTERNAL_TOKEN, value);
        Ok(())
    }

    async fn attempt(
        &self,
        request: Request<Body>,
    ) -> Result<Response<Body>, Box<dyn Error + Send + Sync>> {
        let Some(mut channel) = self.channel.clone() else {
            return Err(Status::unavailable("no address").into());
        };
        Ok(channel.ready().await?.call(request).await?)
    }
}

/// Whether an attempt certainly had no effect: no connection, or refused by the server (not by the
/// service, whose answers name their wire code) before it began.
fn was_not_done(outcome: &Result<Response<Body>, Box<dyn Error + Send + Sync>>) -> bool {
    match outcome {
        Ok(response) => {
            let unavailable = Status::from_header_map(response.headers())
                .is_some_and(|status| status.code() == Code::Unavailable);
            unavailable && !response.headers().contains_key(WIRE_CODE)
        }
        Err(error) => {
            let mut next: Option<&(dyn Error + 'static)> = Some(error.as_ref());
            while let Some(error) = next {
                if error.is::<ConnectError>() {
                    return true;
                }
                next = error.source();
            }
            false
        }
    }
}

impl Service<Request<Body>> for InternalChannel {
    type Response = Response<Body>;
    type Error = Status;
    type Future = BoxFuture<'static, Result<Response<Body>, Status>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Status>> {
        // Each attempt waits for the connection itself, within the deadline.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let (service, method) = split_path(request.uri().path());
        let span = tracing::info_span!(
            "rpc.call",
            rpc.service = service,
            rpc.method = method,
            otel.kind = "client"
        );
        Box::pin(self.clone().send(request).instrument(span))
    }
}
