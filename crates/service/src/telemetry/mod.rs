//! Logs, traces and metrics. Trace ids exist and travel even where no trace is exported, so that the
//! log lines of one request can be found in every service.

mod json_log;
mod metrics;
mod propagation;

pub use propagation::{continue_from, inject, trace_id, traceparent};

pub(crate) use metrics::recorder;

use crate::platform::{LogFormat, Platform};
use anyhow::Context;
use json_log::JsonLog;
use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracerProvider;
use std::time::Duration;
use tracing::{Level, Metadata};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry};
use vigie_identity::ServiceName;

/// Spans of our own, whatever is logged.
fn span_filter() -> EnvFilter {
    EnvFilter::new("info,h2=off,hyper=off,tonic=off")
}

/// At TRACE libraries print what they carry: frames, headers, rows. No setting writes that to a log
/// that is collected. (Asked for each line: a filter made of two loses the hint that spares the rest.)
fn may_be_logged(line: &Metadata<'_>) -> bool {
    *line.level() < Level::TRACE || line.target().starts_with("vigie")
}

/// How long the last spans may take to leave.
const FLUSH: Duration = Duration::from_secs(3);

/// The installed telemetry; the last thing that a process shuts down.
pub struct Telemetry {
    traces: SdkTracerProvider,
}

impl Telemetry {
    /// Installs logs and traces for the process. Needs a running runtime for the exporter.
    pub fn install(service: ServiceName, platform: &Platform) -> anyhow::Result<Self> {
        let traces = tracer_provider(service, platform)?;
        opentelemetry::global::set_text_map_propagator(TraceContextPropagator::new());
        opentelemetry::global::set_tracer_provider(traces.clone());

        let filter = EnvFilter::try_new(&platform.log.level).context("LOG_LEVEL")?;
        let log: Box<dyn Layer<Registry> + Send + Sync> = match platform.log.format {
            LogFormat::Json => JsonLog::new(service, &platform.instance, std::io::stdout).boxed(),
            LogFormat::Text => tracing_subscriber::fmt::layer().compact().boxed(),
        };
        // Where in the source, on which thread and how long idle: each poll would pay for it.
        let spans = tracing_opentelemetry::layer()
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_tracked_inactivity(false)
            .with_tracer(traces.tracer("vigie"));
        tracing_subscriber::registry()
            .with(log.with_filter(filter))
            .with(spans.with_filter(span_filter()))
            .try_init()
            .context("telemetry is installed already")?;
        Ok(Self { traces })
    }

    /// Sends what is left.
    pub fn shutdown(self) {
        if let Err(error) = self.traces.shutdown_with_timeout(FLUSH) {
            tracing::warn!(error = %error, "some spans were not exported");
        }
    }
}

fn tracer_provider(service: ServiceName, platform: &Platform) -> anyhow::Result<SdkTracerProvider> {
    let resource = Resource::builder()
        .with_service_name(service.as_str())
        .with_attribute(KeyValue::new("service.namespace", "vigie"))
        .with_attribute(KeyValue::new(
            "service.instance.id",
            platform.instance.clone(),
        ))
        .build();
    let builder = SdkTracerProvider::builder().with_resource(resource);
    let Some(endpoint) = &platform.otlp_endpoint else {
        return Ok(builder.build());
    };
    let exporter = SpanExporter::builder()
        .with_tonic()
        .with_endpoint(endpoint.as_str())
        .build()
        .context("OTEL_EXPORTER_OTLP_ENDPOINT")?;
    Ok(builder.with_batch_exporter(exporter).build())
}
