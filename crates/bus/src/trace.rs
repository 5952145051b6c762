//! Trace context in and out of messages, by the propagator that the service installed.

use opentelemetry::propagation::{Extractor, Injector};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

const TRACEPARENT: &str = "traceparent";

#[derive(Default)]
struct Slot(Option<String>);

impl Injector for Slot {
    fn set(&mut self, key: &str, value: String) {
        if key == TRACEPARENT {
            self.0 = Some(value);
        }
    }
}

struct One<'a>(&'a str);

impl Extractor for One<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        (key == TRACEPARENT).then_some(self.0)
    }

    fn keys(&self) -> Vec<&str> {
        vec![TRACEPARENT]
    }
}

/// The current span as a `traceparent`, when tracing is on.
pub(crate) fn current() -> Option<String> {
    let mut slot = Slot::default();
    let context = Span::current().context();
    opentelemetry::global::get_text_map_propagator(|propagator| {
        propagator.inject_context(&context, &mut slot);
    });
    slot.0
}

/// Makes `span` a child of the span that sent a message.
pub(crate) fn follow(span: &Span, traceparent: &str) {
    let parent = opentelemetry::global::get_text_map_propagator(|it| it.extract(&One(traceparent)));
    if span.set_parent(parent).is_err() {
        // No tracing layer is installed, or the span is filtered out: nothing to join.
        tracing::trace!("trace context not joined");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use opentelemetry::trace::{TraceContextExt, TracerProvider};
    use opentelemetry_sdk::propagation::TraceContextPropagator;
    use opentelemetry_sdk::trace::SdkTracerProvider;
    use tracing_subscriber::layer::SubscriberExt;

    #[test]
    fn a_consumer_joins_the_trace_of_the_sender() {
        opentelemetry::global::set_text_map_propagator(TraceContextPropagator::new());
        let tracer = SdkTracerProvider::builder().build().tracer("test");
        let layer = tracing_opentelemetry::layer().with_tracer(tracer);
        let subscriber = tracing_subscriber::registry().with(layer);
        tracing::subscriber::with_default(subscriber, || {
            let sending = tracing::info_span!("sending");
            let traceparent = sending.in_scope(current).unwrap();
            let consuming = tracing::info_span!("consuming");
            follow(&consuming, &traceparent);
            let trace = |span: &Span| span.context().span().span_context().trace_id();
            assert_eq!(trace(&consuming), trace(&sending));
            assert!(traceparent.contains(&trace(&sending).to_string()));
        });
    }
}
