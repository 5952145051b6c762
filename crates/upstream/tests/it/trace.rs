use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracerProvider;
use serde_json::json;
use tracing::Instrument as _;
use tracing_subscriber::layer::SubscriberExt as _;
use vigie_upstream::crm::{CrmClient, CrmConfig, FicheOptions};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

#[tokio::test]
async fn the_trace_goes_along() {
    let server = MockServer::start().await;
    Mock::given(any())
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({"success": true})))
        .mount(&server)
        .await;
    opentelemetry::global::set_text_map_propagator(TraceContextPropagator::new());
    let provider = SdkTracerProvider::builder().build();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
    let _guard = tracing::subscriber::set_default(tracing_subscriber::registry().with(layer));
    let crm = CrmClient::new(CrmConfig::new(server.uri())).unwrap();
    crm.fiche("1", FicheOptions::default())
        .instrument(tracing::info_span!("caller"))
        .await
        .unwrap();
    let sent = &server.received_requests().await.unwrap()[0];
    let parent = sent.headers["traceparent"].to_str().unwrap();
    assert!(parent.starts_with("00-") && !parent.contains("00000000000000000000000000000000"));
}
