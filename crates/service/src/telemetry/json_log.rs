use super::propagation::id_of;
use chrono::{SecondsFormat, Utc};
use serde_json::{Map, Value};
use std::fmt;
use std::io::Write;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;
use vigie_identity::ServiceName;

/// Writes one JSON object a line to standard output: time, level, service, instance, trace id, the
/// fields of all spans around, then those of the event.
pub(super) struct JsonLog {
    service: &'static str,
    instance: String,
}

impl JsonLog {
    pub(super) fn new(service: ServiceName, instance: &str) -> Self {
        Self {
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

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for JsonLog {
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
        let spans = context
            .event_scope(event)
            .into_iter()
            .flat_map(|scope| scope.from_root());
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
        // There is nowhere to report that standard output is closed.
        let _written = std::io::stdout().lock().write_all(text.as_bytes());
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
