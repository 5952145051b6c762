//! Generates the gRPC types. Views (the messages that the gateway sends on as JSON) serialise as
//! the HTTP contract: camel case unless listed, `…_json` text as the JSON it holds.

use std::error::Error;
use std::path::PathBuf;

const PROTOS: [&str; 6] = [
    "vigie/analyzer/v1/analyzer.proto",
    "vigie/audit/v1/audit.proto",
    "vigie/auth/v1/auth.proto",
    "vigie/automation/v1/automation.proto",
    "vigie/fiche/v1/fiche.proto",
    "vigie/transcription/v1/transcription.proto",
];

/// Views that the contract writes in camel case.
const CAMEL: [&str; 23] = [
    ".vigie.fiche.v1.FicheRow",
    ".vigie.fiche.v1.FicheRowRecording",
    ".vigie.fiche.v1.Recording",
    ".vigie.transcription.v1.GetStatusResponse",
    ".vigie.transcription.v1.RecordingStatus",
    ".vigie.transcription.v1.RunStatus",
    ".vigie.audit.v1.AuditRow",
    ".vigie.audit.v1.FicheCache",
    ".vigie.audit.v1.FicheCacheDetail",
    ".vigie.audit.v1.AuditConfigRef",
    ".vigie.audit.v1.AutomationScheduleRef",
    ".vigie.audit.v1.AutomationRunRef",
    ".vigie.audit.v1.StepResult",
    ".vigie.audit.v1.ConfigSummary",
    ".vigie.automation.v1.Schedule",
    ".vigie.automation.v1.RunSummary",
    ".vigie.automation.v1.Run",
    ".vigie.automation.v1.RunLog",
    ".vigie.audit.v1.FicheAudit",
    ".vigie.audit.v1.ListByFicheResponse",
    ".vigie.audit.v1.GetAuditResponse",
    ".vigie.automation.v1.ListRunsResponse",
    ".vigie.automation.v1.GetRunResponse",
];

/// Views that the contract writes in snake case.
const SNAKE: [&str; 9] = [
    ".vigie.auth.v1.Grant",
    ".vigie.auth.v1.User",
    ".vigie.fiche.v1.SaleFiche",
    ".vigie.transcription.v1.GetTranscriptResponse",
    ".vigie.transcription.v1.TranscriptText",
    ".vigie.transcription.v1.Word",
    ".vigie.transcription.v1.Chunk",
    ".vigie.audit.v1.Pagination",
    ".vigie.transcription.v1.TranscriptSummary",
];

/// Fields of views that hold JSON text, with their name on the wire.
const RAW_JSON: [(&str, &str); 7] = [
    (".vigie.fiche.v1.SaleFiche.recordings_json", "recordings"),
    (".vigie.audit.v1.AuditRow.result_data_json", "resultData"),
    (
        ".vigie.automation.v1.Schedule.fiche_selection_json",
        "ficheSelection",
    ),
    (
        ".vigie.automation.v1.Run.error_details_json",
        "errorDetails",
    ),
    (
        ".vigie.automation.v1.Run.config_snapshot_json",
        "configSnapshot",
    ),
    (
        ".vigie.automation.v1.Run.result_summary_json",
        "resultSummary",
    ),
    (".vigie.automation.v1.RunLog.metadata_json", "metadata"),
];

/// Fields with a name of their own on the wire: of two under one name only one is ever set.
const RENAMED: [(&str, &str); 1] = [(".vigie.audit.v1.AuditRow.fiche_cache_detail", "ficheCache")];

/// Fields that are absent, not null, where the contract leaves them out.
const OMITTED_WHEN_NONE: [&str; 4] = [
    ".vigie.audit.v1.AuditRow.fiche_cache",
    ".vigie.audit.v1.AuditRow.fiche_cache_detail",
    ".vigie.audit.v1.Pagination.next_cursor",
    ".vigie.transcription.v1.RunStatus.reason",
];

#[expect(
    clippy::disallowed_methods,
    reason = "cargo tells build scripts where to write by the environment"
)]
fn main() -> Result<(), Box<dyn Error>> {
    let root = PathBuf::from("../../proto");
    println!("cargo::rerun-if-changed=../../proto");
    let files: Vec<_> = PROTOS.iter().map(|proto| root.join(proto)).collect();
    let descriptors = protox::compile(&files, [&root])?;
    let descriptor_path = PathBuf::from(std::env::var("OUT_DIR")?).join("vigie.bin");
    std::fs::write(&descriptor_path, prost_bytes(&descriptors))?;

    let mut builder = tonic_prost_build::configure();
    for view in CAMEL.iter().chain(&SNAKE) {
        builder = builder.type_attribute(view, "#[derive(serde::Serialize, utoipa::ToSchema)]");
    }
    for view in CAMEL {
        builder = builder.type_attribute(view, "#[serde(rename_all = \"camelCase\")]");
    }
    for (field, name) in RAW_JSON {
        let attribute = format!(
            "#[serde(rename = \"{name}\", serialize_with = \"crate::json::raw\")]\
             #[schema(value_type = serde_json::Value)]"
        );
        builder = builder.field_attribute(field, attribute);
    }
    for (field, name) in RENAMED {
        builder = builder.field_attribute(field, format!("#[serde(rename = \"{name}\")]"));
    }
    for field in OMITTED_WHEN_NONE {
        builder =
            builder.field_attribute(field, "#[serde(skip_serializing_if = \"Option::is_none\")]");
    }
    builder.compile_fds(descriptors)?;
    Ok(())
}

fn prost_bytes(descriptors: &impl prost::Message) -> Vec<u8> {
    descriptors.encode_to_vec()
}
