//! Counters, latencies and trace headers of outgoing calls.

use std::time::Duration;

use opentelemetry::propagation::Injector;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

/// One kind of call, as metrics name it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Call {
    /// `crm`, `elevenlabs`, `openai`, ...
    pub(crate) provider: &'static str,
    /// `fiche`, `transcribe`, ...
    pub(crate) operation: &'static str,
}

impl Call {
    /// One request has ended.
    pub(crate) fn record(self, outcome: &'static str, took: Duration) {
        metrics::counter!("upstream.request", "provider" => self.provider, "operation" => self.operation, "outcome" => outcome)
            .increment(1);
        metrics::histogram!("upstream.request.duration", "provider" => self.provider, "operation" => self.operation)
            .record(took.as_secs_f64());
    }

    /// A request is about to be repeated.
    pub(crate) fn retried(self) {
        metrics::counter!("upstream.retry", "provider" => self.provider, "operation" => self.operation)
            .increment(1);
        // Of what, the spans around say.
        tracing::info!(
            upstream.provider = self.provider,
            upstream.operation = self.operation,
            "asked again"
        );
    }

    /// Rows of an answer were left out as unreadable.
    pub(crate) fn quarantined(self, rows: usize) {
        if rows > 0 {
            metrics::counter!("upstream.quarantined", "provider" => self.provider, "operation" => self.operation)
                .increment(rows as u64);
        }
    }
}

/// The outcome label of a status.
pub(crate) const fn outcome(status: u16) -> &'static str {
    match status {
        200..=299 => "ok",
        401 | 403 => "auth",
        404 => "not_found",
        408 => "timeout",
        429 => "rate_limited",
        400..=499 => "refused",
        _ => "server_error",
    }
}

/// The outcome label of an answer that never came.
pub(crate) const fn network_outcome(cause: crate::NetworkCause) -> &'static str {
    match cause {
        crate::NetworkCause::Timeout => "timeout",
        _ => "network",
    }
}

/// The headers that carry the current trace on.
pub(crate) fn trace_headers() -> HeaderMap {
    let context = tracing::Span::current().context();
    let mut carrier = Carrier(HeaderMap::new());
    opentelemetry::global::get_text_map_propagator(|propagator| {
        propagator.inject_context(&context, &mut carrier);
    });
    carrier.0
}

struct Carrier(HeaderMap);

impl Injector for Carrier {
    fn set(&mut self, key: &str, value: String) {
        if let (Ok(name), Ok(value)) = (
            HeaderName::from_bytes(key.as_bytes()),
            HeaderValue::from_str(&value),
        ) {
            self.0.insert(name, value);
        }
    }
}
