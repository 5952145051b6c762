use super::may_be_logged;
use super::propagation::id_of;
use chrono::{SecondsFormat, Utc};
use serde_json::{Map, Value};
use std::fmt;
use std::io::Write;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::{LookupSpan, Scope};
use vigie_identity::ServiceName;

/// Writes one JSON object a line: time, level, service, instance, trace id, the
/// fields of all spans around, then those of the event.
pub(super) struct JsonLog<W> {
    writer: W,
    service: &'static str,
    instance: String,
}

impl<W> JsonLog<W> {
    pub(super) fn new(service: ServiceName, instance: &str, writer: W) -> Self {
        Self {
            writer,
            service: service.as_str(),
            instance: instance.to_owned(),
        }
    }

    fn line(
        &self,
        event: &Event<'_>,
        spans: impl Iterator<Item = (&'static str, Fields)>,
        trace_id: Option<String>,
    ) -> Map<String, Value> {
        let mut line = Map::new();
        let now = Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true);
        line.insert("timestamp".to_owned(), now.into());
        line.insert("level".to_owned(), event.metadata().level().as_str().into());
        line.insert("service".to_owned(), self.service.into());
        line.insert("instance".to_owned(), self.instance.clone().into());
        line.insert("target".to_owned(), event.metadata().target().into());
        if let Some(id) = trace_id {
            line.insert("trace_id".to_owned(), id.into());
        }
        for (name, fields) in spans {
            line.insert("span".to_owned(), name.into());
            line.extend(fields.0);
        }
        let mut own = Fields::default();
        event.record(&mut own);
        line.extend(own.0);
        line
    }
}

impl<S, W> Layer<S> for JsonLog<W>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: for<'a> MakeWriter<'a> + 'static,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(fields);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(fields) = span.extensions_mut().get_mut::<Fields>()
        {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        if !may_be_logged(event.metadata()) {
            return;
        }
        let spans = context
            .event_scope(event)
            .into_iter()
            .flat_map(Scope::from_root);
        let spans = spans.map(|span| {
            (
                span.name(),
                span.extensions()
                    .get::<Fields>()
                    .cloned()
                    .unwrap_or_default(),
            )
        });
        // The trace layer makes its context current when a span is entered.
        let trace_id = id_of(&opentelemetry::Context::current());
        let mut text = Value::Object(self.line(event, spans, trace_id)).to_string();
        text.push('\n');
        // There is nowhere to report that the log is closed.
        let _written = self.writer.make_writer().write_all(text.as_bytes());
    }
}

/// The fields of a span or an event.
#[derive(Clone, Default)]
struct Fields(Map<String, Value>);

impl Fields {
    fn put(&mut self, field: &Field, value: impl Into<Value>) {
        self.0.insert(field.name().to_owned(), value.into());
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value);
    }
}

#[cfg(test)]
mod tests {
    use super::JsonLog;
    use crate::telemetry::{continue_from, inject, span_filter, trace_id, traceparent};
    use http::HeaderMap;
    use opentelemetry::trace::TracerProvider;
    use opentelemetry_sdk::propagation::TraceContextPropagator;
    use opentelemetry_sdk::trace::SdkTracerProvider;
    use std::io::Write;
    use std::sync::{Arc, Mutex};
    use tracing_subscriber::layer::SubscriberExt;
    use tracing_subscriber::{EnvFilter, Layer};
    use vigie_identity::ServiceName;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn one_trace_joins_the_lines_of_caller_and_called() {
        opentelemetry::global::set_text_map_propagator(TraceContextPropagator::new());
        let lines = Lines::default();
        let writer = lines.clone();
        let log = JsonLog::new(ServiceName::Auth, "auth-0", move || writer.clone());
        let traces = SdkTracerProvider::builder().build();
        let subscriber = tracing_subscriber::registry()
            .with(log.with_filter(EnvFilter::new("trace")))
            .with(
                tracing_opentelemetry::layer()
                    .with_tracer(traces.tracer("test"))
                    .with_filter(span_filter()),
            );

        tracing::subscriber::with_default(subscriber, || {
            let mut headers = HeaderMap::new();
            tracing::trace!(target: "h2::codec", payload = "what it carries");
            let outer = tracing::info_span!("rpc.call", audit.id = "7");
            outer.in_scope(|| {
                tracing::info!(fiches = 3, "asking");
                inject(&mut headers);
                assert_eq!(headers["traceparent"], traceparent().unwrap());
            });
            // Elsewhere: nothing but the headers arrives.
            let called = tracing::info_span!(parent: None, "rpc");
            continue_from(&called, &headers);
            called.in_scope(|| {
                tracing::warn!("asked");
                assert!(
                    headers["traceparent"]
                        .to_str()
                        .unwrap()
                        .contains(&trace_id().unwrap())
                );
            });
        });

        let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        let lines: Vec<serde_json::Value> = text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let [asking, asked] = lines.as_slice() else {
            panic!("two lines")
        };
        assert_eq!(asking["message"], "asking");
        assert_eq!(
            (&asking["audit.id"], &asking["fiches"]),
            (&"7".into(), &3.into())
        );
        assert_eq!(
            (&asking["service"], &asking["instance"]),
            (&"auth".into(), &"auth-0".into())
        );
        assert_eq!(
            (&asked["level"], &asked["span"]),
            (&"WARN".into(), &"rpc".into())
        );
        assert_eq!(asking["trace_id"].as_str().unwrap().len(), 32);
        assert_eq!(asking["trace_id"], asked["trace_id"]);
    }
}
