//! The AsyncAPI 3 description of every message, generated from the types: `docs/asyncapi.yaml`.

use crate::realtime::RealtimeEvent;
use crate::{
    Event, Kind, audit, auth, automation, batch, config, fiche, fiche_jobs, ops, rerun,
    transcription,
};
use schemars::{JsonSchema, SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};

/// Collects channels, messages and operations.
struct Document {
    schemas: SchemaGenerator,
    channels: Map<String, Value>,
    operations: Map<String, Value>,
    messages: Map<String, Value>,
}

/// The whole document. Key order is stable, so that a diff shows what really changed.
pub fn document() -> Value {
    let settings =
        SchemaSettings::draft07().with(|s| s.definitions_path = "/components/schemas".into());
    let mut doc = Document {
        schemas: settings.into_generator(),
        channels: Map::new(),
        operations: Map::new(),
        messages: Map::new(),
    };
    doc.domain_events();
    doc.realtime_events();
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Vigie events",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "CloudEvents in NATS binary mode: JSON payload; headers ce-id, ce-type, \
                ce-source, ce-time, ce-subject, traceparent. Commands (work.>) are worked on once, \
                in stream WORK. Facts (event.>) stand seven days in stream EVENTS: make a durable \
                consumer of your own. Realtime messages (realtime.>) stand 24 hours in stream \
                REALTIME. Delivery is at least once and unordered: deduplicate on ce-id."
        },
        "defaultContentType": "application/json",
        "channels": doc.channels,
        "operations": doc.operations,
        "components": {
            "messages": doc.messages,
            "schemas": doc.schemas.take_definitions(true),
        },
    })
}

/// The document as YAML: the contents of `docs/asyncapi.yaml`.
pub fn yaml() -> Result<String, serde_yaml_ng::Error> {
    serde_yaml_ng::to_string(&document())
}

impl Document {
    fn domain_events(&mut self) {
        let workers = ["fiche-cache"];
        self.event::<fiche::FicheFetch>(
            &[
                "audit-orchestrator",
                "transcription",
                "automation",
                "fiche-cache",
            ],
            &workers,
        );
        self.event::<fiche_jobs::RevalidateDate>(&workers, &workers);
        self.event::<fiche_jobs::ProgressiveFetchContinue>(&workers, &workers);
        self.event::<fiche_jobs::ProgressiveFetchDay>(&workers, &workers);
        self.event::<fiche_jobs::ProgressiveFetchDayProcessed>(&workers, &[]);
        let waiting = ["audit-orchestrator", "transcription", "automation"];
        self.event::<fiche::FicheFetched>(&["fiche-cache"], &waiting);
        self.event::<fiche::FicheFetchFailed>(&["fiche-cache"], &waiting);
        self.event::<fiche::FicheSummaryUpdated>(&["fiche-cache"], &["audit-orchestrator"]);
        self.event::<transcription::FicheTranscribe>(
            &["transcription", "audit-orchestrator", "automation"],
            &["transcription"],
        );
        self.event::<transcription::RecordingTranscribe>(&["transcription"], &["transcription"]);
        self.event::<transcription::RecordingTranscribed>(&["transcription"], &[]);
        self.event::<transcription::FicheTranscribed>(
            &["transcription"],
            &["audit-orchestrator", "automation"],
        );
        self.event::<transcription::RunExpired>(&["transcription"], &[]);
        self.event::<ops::ProviderCircuit>(&["fiche-cache", "transcription"], &[]);
        self.event::<audit::AuditRun>(
            &["audit-orchestrator", "automation"],
            &["audit-orchestrator"],
        );
        self.event::<batch::AuditBatch>(&["audit-orchestrator"], &["audit-orchestrator"]);
        self.event::<batch::AuditBatchCompleted>(&["audit-orchestrator"], &[]);
        self.event::<audit::StepAnalyze>(&["audit-orchestrator"], &["step-analyzer"]);
        self.event::<audit::StepAnalyzed>(&["step-analyzer"], &["audit-orchestrator"]);
        self.event::<audit::StepDeferred>(&["step-analyzer"], &["audit-orchestrator"]);
        let orchestrator = ["audit-orchestrator"];
        self.event::<rerun::StepRerun>(&orchestrator, &orchestrator);
        self.event::<rerun::ControlPointRerun>(&orchestrator, &orchestrator);
        self.event::<rerun::StepRerunCompleted>(&orchestrator, &[]);
        self.event::<rerun::ControlPointRerunCompleted>(&orchestrator, &[]);
        self.event::<config::AuditConfigChanged>(&orchestrator, &[]);
        self.event::<audit::AuditCompleted>(&["audit-orchestrator"], &["automation"]);
        self.event::<audit::AuditFailed>(&["audit-orchestrator"], &["automation"]);
        self.event::<automation::AutomationRun>(&["automation"], &["automation"]);
        self.event::<automation::AutomationCompleted>(&["automation"], &[]);
        self.event::<automation::AutomationFailed>(&["automation"], &[]);
        self.event::<automation::ItemSettled>(&["automation"], &[]);
        self.event::<auth::PrincipalChanged>(
            &["auth"],
            &[
                "gateway",
                "auth",
                "fiche-cache",
                "transcription",
                "audit-orchestrator",
                "step-analyzer",
                "automation",
            ],
        );
    }

    fn realtime_events(&mut self) {
        use crate::realtime::audit as rt;
        self.realtime::<rt::FicheFetchStarted>("audit-orchestrator");
        self.realtime::<rt::FicheFetchCompleted>("audit-orchestrator");
        self.realtime::<rt::TranscriptionCheck>("audit-orchestrator");
        self.realtime::<rt::ConfigLoaded>("audit-orchestrator");
        self.realtime::<rt::Started>("audit-orchestrator");
        self.realtime::<rt::TimelineGenerated>("audit-orchestrator");
        self.realtime::<rt::Progress>("audit-orchestrator");
        self.realtime::<rt::AnalysisStarted>("audit-orchestrator");
        self.realtime::<rt::StepStarted>("step-analyzer");
        self.realtime::<rt::StepCompleted>("audit-orchestrator");
        self.realtime::<rt::StepFailed>("audit-orchestrator");
        self.realtime::<rt::ComplianceCalculated>("audit-orchestrator");
        self.realtime::<rt::Completed>("audit-orchestrator");
        self.realtime::<rt::Failed>("audit-orchestrator");
        self.realtime::<crate::realtime::review::ReviewApplied>("audit-orchestrator");
        let counting = ["transcription", "audit-orchestrator"];
        self.realtime_of::<crate::realtime::batch::BatchProgress>(&counting);
        self.realtime_of::<crate::realtime::batch::BatchCompleted>(&counting);
        self.transcription_realtime();
        self.automation_realtime();
        self.fetch_job_realtime();
    }

    fn fetch_job_realtime(&mut self) {
        use crate::realtime::fiche_jobs as rt;
        self.realtime::<rt::FetchCreated>("fiche-cache");
        self.realtime::<rt::FetchProgress>("fiche-cache");
        self.realtime::<rt::FetchComplete>("fiche-cache");
        self.realtime::<rt::FetchFailed>("fiche-cache");
    }

    fn transcription_realtime(&mut self) {
        use crate::realtime::transcription as rt;
        self.realtime::<rt::StatusCheck>("transcription");
        self.realtime::<rt::Started>("transcription");
        self.realtime::<rt::RecordingStarted>("transcription");
        self.realtime::<rt::RecordingCompleted>("transcription");
        self.realtime::<rt::RecordingFailed>("transcription");
        self.realtime::<rt::Progress>("transcription");
        self.realtime::<rt::Completed>("transcription");
        self.realtime::<rt::Failed>("transcription");
    }

    fn automation_realtime(&mut self) {
        use crate::realtime::automation as rt;
        self.realtime::<rt::RunStarted>("automation");
        self.realtime::<rt::RunSelection>("automation");
        self.realtime::<rt::RunProgress>("automation");
        self.realtime::<rt::RunCompleted>("automation");
        self.realtime::<rt::RunFailed>("automation");
        self.realtime::<rt::RunCancelled>("automation");
    }

    fn event<E: Event>(&mut self, producers: &[&str], consumers: &[&str]) {
        let tokens = E::NAME.replace('/', ".");
        let address = match E::KIND {
            Kind::Command => format!("work.{tokens}"),
            Kind::LanedCommand => format!("work.{tokens}.{{lane}}"),
            Kind::Fact => format!("event.{tokens}.{{entity}}"),
        };
        let parameters = match E::KIND {
            Kind::Command => json!({}),
            Kind::LanedCommand => json!({"lane": {"enum": ["interactive", "bulk"]}}),
            Kind::Fact => json!({"entity": {"description": "The ids of what it is about."}}),
        };
        self.channel::<E>(E::NAME, E::ABOUT, &address, &parameters);
        self.operation(E::NAME, "send", producers);
        self.operation(E::NAME, "receive", consumers);
    }

    fn realtime<E: RealtimeEvent>(&mut self, producer: &str) {
        self.realtime_of::<E>(&[producer]);
    }

    fn realtime_of<E: RealtimeEvent>(&mut self, producers: &[&str]) {
        let address = format!("realtime.{{channel}}.{}", E::NAME);
        let parameters = json!({"channel": {"description": "The entity's own channel."}});
        self.channel::<E>(E::NAME, "Progress for a screen.", &address, &parameters);
        self.operation(E::NAME, "send", producers);
    }

    fn channel<T: JsonSchema>(
        &mut self,
        name: &str,
        about: &str,
        address: &str,
        parameters: &Value,
    ) {
        let payload = self.schemas.subschema_for::<T>();
        let message = json!({"name": name, "summary": about, "payload": payload});
        self.messages.insert(key(name), message);
        let reference = format!("#/components/messages/{}", key(name));
        let channel = json!({
            "address": address,
            "parameters": parameters,
            "messages": { key(name): {"$ref": reference} },
        });
        self.channels.insert(key(name), channel);
    }

    fn operation(&mut self, name: &str, action: &str, services: &[&str]) {
        if services.is_empty() {
            return;
        }
        let reference = format!("#/channels/{}", key(name));
        let tags: Vec<_> = services
            .iter()
            .map(|service| json!({"name": service}))
            .collect();
        let operation = json!({"action": action, "channel": {"$ref": reference}, "tags": tags});
        self.operations
            .insert(format!("{action}.{}", key(name)), operation);
    }
}

/// A name as the key of an AsyncAPI map.
fn key(name: &str) -> String {
    name.replace('/', ".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_document_is_up_to_date() {
        let published = include_str!("../../../docs/asyncapi.yaml");
        assert!(published == yaml().unwrap(), "run `make generated`");
    }

    #[test]
    fn every_operation_points_to_a_channel() {
        let doc = document();
        let operations = doc["operations"].as_object().unwrap();
        assert!(operations.len() > 20);
        for operation in operations.values() {
            let reference = operation["channel"]["$ref"].as_str().unwrap();
            let pointer = reference.trim_start_matches("#/channels/");
            assert!(doc["channels"].get(pointer).is_some(), "{reference}");
        }
    }

    #[test]
    fn ids_are_described_as_text() {
        let doc = document();
        assert_eq!(doc["components"]["schemas"]["AuditId"]["type"], "string");
    }
}
