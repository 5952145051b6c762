use super::split_path;
use crate::error::{ErrorCode, WireError};
use crate::telemetry::continue_from;
use futures::FutureExt;
use http::{Request, Response};
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;
use tonic::Status;
use tower::Service;
use tracing::{Instrument, Span, field};

/// Opens the span `rpc` around each call, in the caller's trace, counts its time and outcome, and turns
/// a panic into an internal error, so that the other calls of its connection live on.
#[derive(Clone)]
pub(super) struct ServerSpan<S>(pub(super) S);

impl<S, B, R> Service<Request<B>> for ServerSpan<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Future: Send + 'static,
    R: Default,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (service, method) = split_path(request.uri().path());
        // Probes every few seconds say nothing, and unknown paths must not become metric labels.
        if !service.starts_with("vigie.") {
            return Box::pin(self.0.call(request));
        }
        let span = tracing::info_span!(
            "rpc",
            rpc.service = service,
            rpc.method = method,
            rpc.grpc.status_code = field::Empty,
            otel.kind = "server",
        );
        continue_from(&span, request.headers());
        let labels = (service.to_owned(), method.to_owned());
        let call = span.in_scope(|| self.0.call(request));
        let timed = async move {
            let started = Instant::now();
            let outcome = AssertUnwindSafe(call)
                .catch_unwind()
                .await
                .unwrap_or_else(|_| {
                    tracing::error!("the handler panicked");
                    let error = WireError::new(ErrorCode::Internal, WireError::INTERNAL);
                    Ok(Status::from(error).into_http())
                });
            if let Ok(response) = &outcome {
                record(labels, response, started);
            }
            outcome
        };
        Box::pin(timed.instrument(span))
    }
}

fn record<R>((service, method): (String, String), response: &Response<R>, started: Instant) {
    // A refused call carries its status in the headers; a stream may still fail later.
    let code = response
        .headers()
        .get("grpc-status")
        .and_then(|value| value.to_str().ok());
    let code = code.unwrap_or("0").to_owned();
    Span::current().record("rpc.grpc.status_code", code.as_str());
    if code == "12" {
        return; // UNIMPLEMENTED: the method is the caller's invention
    }
    metrics::histogram!("rpc_server_seconds", "service" => service, "method" => method, "code" => code)
        .record(started.elapsed());
}
