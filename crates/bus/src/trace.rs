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
