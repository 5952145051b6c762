//! A collector of traces, as OTLP knows it: keeps what services export.

use anyhow::Result;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::ResourceSpans;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

/// A span, as far as tests ask.
#[derive(Debug, Clone)]
pub(super) struct Span {
    pub(super) service: String,
    pub(super) name: String,
    pub(super) trace: Vec<u8>,
    pub(super) id: Vec<u8>,
    /// Empty for the first span of a trace.
    pub(super) parent: Vec<u8>,
}

/// A running collector; it ends when dropped.
pub(super) struct Collector {
    pub(super) url: String,
    kept: Kept,
    _server: JoinSet<()>,
}

#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<Span>>>);

impl Collector {
    pub(super) async fn start() -> Result<Self> {
        let socket = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", socket.local_addr()?);
        let kept = Kept::default();
        let service = TraceServiceServer::new(kept.clone());
        let mut server = JoinSet::new();
        server.spawn(async move {
            let serving = Server::builder().add_service(service);
            let served = serving.serve_with_incoming(TcpIncoming::from(socket)).await;
            assert!(served.is_ok(), "{served:?}");
        });
        Ok(Self {
            url,
            kept,
            _server: server,
        })
    }

    /// The spans of this trace that came so far.
    pub(super) fn spans_of(&self, trace: &str) -> Result<Vec<Span>> {
        let wanted = hex::decode(trace)?;
        let kept = self.kept.0.lock().unwrap_or_else(PoisonError::into_inner);
        let spans = kept.iter().filter(|span| span.trace == wanted);
        Ok(spans.cloned().collect())
    }
}

#[tonic::async_trait]
impl TraceService for Kept {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let came = request.into_inner().resource_spans;
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.extend(came.into_iter().flat_map(spans));
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

fn spans(one: ResourceSpans) -> impl Iterator<Item = Span> {
    let service = service(&one);
    let spans = one.scope_spans.into_iter().flat_map(|scope| scope.spans);
    spans.map(move |span| Span {
        service: service.clone(),
        name: span.name,
        trace: span.trace_id,
        id: span.span_id,
        parent: span.parent_span_id,
    })
}

fn service(one: &ResourceSpans) -> String {
    let attributes = one.resource.iter().flat_map(|it| &it.attributes);
    let mut names = attributes.filter(|attribute| attribute.key == "service.name");
    let value = names
        .next()
        .and_then(|it| it.value.as_ref()?.value.as_ref());
    match value {
        Some(Value::StringValue(name)) => name.clone(),
        _ => "nameless".to_owned(),
    }
}
