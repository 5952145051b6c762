//! Generates the gRPC types. Views (the messages that the gateway sends on as JSON) serialise as
//! the HTTP contract: camel case unless listed, `…_json` text as the JSON it holds.

use std::error::Error;
use std::path::PathBuf;

const PROTOS: [&str; 22] = [
    "vigie/analyzer/v1/analyzer.proto",
    "vigie/audit/v1/audit.proto",
    "vigie/audit/v1/batches.proto",
    "vigie/audit/v1/configs.proto",
    "vigie/audit/v1/operations.proto",
    "vigie/audit/v1/projection.proto",
    "vigie/audit/v1/rescore.proto",
    "vigie/audit/v1/reviews.proto",
    "vigie/auth/v1/account.proto",
    "vigie/auth/v1/admin.proto",
    "vigie/auth/v1/auth.proto",
    "vigie/auth/v1/principal.proto",
    "vigie/auth/v1/trust.proto",
    "vigie/automation/v1/automation.proto",
    "vigie/automation/v1/links.proto",
    "vigie/fiche/v1/directory.proto",
    "vigie/fiche/v1/fiche.proto",
    "vigie/fiche/v1/jobs.proto",
    "vigie/fiche/v1/maintenance.proto",
    "vigie/fiche/v1/webhooks.proto",
    "vigie/transcription/v1/operations.proto",
    "vigie/transcription/v1/transcription.proto",
];

/// Views that the contract writes in camel case.
const CAMEL: [&str; 55] = [
    ".vigie.audit.v1.UpdateConfigResponse",
    ".vigie.audit.v1.AuditGroup",
    ".vigie.audit.v1.GroupedFiche",
    ".vigie.audit.v1.FicheOfAudits",
    ".vigie.audit.v1.AuditsSummary",
    ".vigie.audit.v1.FicheWithAudits",
    ".vigie.audit.v1.AuditLogEntry",
    ".vigie.audit.v1.ControlPointView",
    ".vigie.audit.v1.ConfigStep",
    ".vigie.audit.v1.ConfigDetail",
    ".vigie.audit.v1.ConfigStats",
    ".vigie.audit.v1.StatusCounts",
    ".vigie.fiche.v1.BackfillResponse",
    ".vigie.fiche.v1.ResealResponse",
    ".vigie.fiche.v1.InspectRowResponse",
    ".vigie.fiche.v1.DocumentKey",
    ".vigie.fiche.v1.FicheAccess",
    ".vigie.audit.v1.RebuildProjectionResponse",
    ".vigie.audit.v1.RescoreAuditsResponse",
    ".vigie.audit.v1.RescoreMove",
    ".vigie.fiche.v1.RangeMeta",
    ".vigie.fiche.v1.CacheCoverage",
    ".vigie.fiche.v1.RangeVisibility",
    ".vigie.fiche.v1.FetchJob",
    ".vigie.fiche.v1.JobDelivery",
    ".vigie.fiche.v1.PolledFiche",
    ".vigie.fiche.v1.FetchJobSummary",
    ".vigie.fiche.v1.WebhookDelivery",
    ".vigie.fiche.v1.WebhookAttempt",
    ".vigie.fiche.v1.WebhookDestination",
    ".vigie.fiche.v1.FicheRow",
    ".vigie.fiche.v1.FicheRowRecording",
    ".vigie.fiche.v1.Recording",
    ".vigie.transcription.v1.GetStatusResponse",
    ".vigie.transcription.v1.RecordingStatus",
    ".vigie.transcription.v1.RunStatus",
    ".vigie.transcription.v1.LogEntry",
    ".vigie.audit.v1.AuditRow",
    ".vigie.audit.v1.FicheCache",
    ".vigie.audit.v1.FicheCacheDetail",
    ".vigie.audit.v1.AuditConfigRef",
    ".vigie.audit.v1.AutomationScheduleRef",
    ".vigie.audit.v1.AutomationRunRef",
    ".vigie.audit.v1.StepResult",
    ".vigie.audit.v1.ReviewedControlPoint",
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
const SNAKE: [&str; 67] = [
    ".vigie.audit.v1.StuckAudit",
    ".vigie.audit.v1.AuditBatch",
    ".vigie.audit.v1.AuditBatchItem",
    ".vigie.audit.v1.ValidateConfigResponse",
    ".vigie.auth.v1.ChangePasswordResponse",
    ".vigie.auth.v1.SessionInfo",
    ".vigie.auth.v1.ListSessionsResponse",
    ".vigie.auth.v1.RevokeSessionResponse",
    ".vigie.auth.v1.LogOutEverywhereResponse",
    ".vigie.auth.v1.SigningKeyInfo",
    ".vigie.auth.v1.RotateKeysResponse",
    ".vigie.auth.v1.RoleGrant",
    ".vigie.auth.v1.TeamRef",
    ".vigie.auth.v1.LinkedUser",
    ".vigie.auth.v1.AdminUser",
    ".vigie.auth.v1.ListUsersResponse",
    ".vigie.auth.v1.CreateUserResponse",
    ".vigie.auth.v1.UpdateUserResponse",
    ".vigie.auth.v1.ImportCrmUserResponse",
    ".vigie.auth.v1.IssueResetLinkResponse",
    ".vigie.auth.v1.InviteUserResponse",
    ".vigie.auth.v1.LogOutUserResponse",
    ".vigie.auth.v1.Role",
    ".vigie.auth.v1.ListRolesResponse",
    ".vigie.auth.v1.GetRoleResponse",
    ".vigie.auth.v1.CreateRoleResponse",
    ".vigie.auth.v1.UpdateRoleResponse",
    ".vigie.auth.v1.DeleteRoleResponse",
    ".vigie.auth.v1.Permission",
    ".vigie.auth.v1.ListPermissionsResponse",
    ".vigie.auth.v1.TeamMember",
    ".vigie.auth.v1.TeamMembers",
    ".vigie.auth.v1.Team",
    ".vigie.auth.v1.ListTeamsResponse",
    ".vigie.auth.v1.UpsertTeamResponse",
    ".vigie.auth.v1.UpdateTeamResponse",
    ".vigie.auth.v1.DeleteTeamResponse",
    ".vigie.auth.v1.AddTeamMemberResponse",
    ".vigie.auth.v1.RemoveTeamMemberResponse",
    ".vigie.auth.v1.MembershipChange",
    ".vigie.auth.v1.SyncTeamsResponse",
    ".vigie.auth.v1.DirectoryUser",
    ".vigie.auth.v1.ListDirectoryUsersResponse",
    ".vigie.auth.v1.ListDirectoryTeamsResponse",
    ".vigie.auth.v1.ServiceToken",
    ".vigie.auth.v1.ListServiceTokensResponse",
    ".vigie.auth.v1.CreateServiceTokenResponse",
    ".vigie.auth.v1.RevokeServiceTokenResponse",
    ".vigie.auth.v1.AuditActor",
    ".vigie.auth.v1.AuditTarget",
    ".vigie.auth.v1.AuditEvent",
    ".vigie.auth.v1.ListAuditEventsResponse",
    ".vigie.fiche.v1.CrmUser",
    ".vigie.fiche.v1.CrmGroup",
    ".vigie.auth.v1.Grant",
    ".vigie.auth.v1.User",
    ".vigie.fiche.v1.SaleFiche",
    ".vigie.transcription.v1.GetTranscriptResponse",
    ".vigie.transcription.v1.TranscriptText",
    ".vigie.transcription.v1.Word",
    ".vigie.transcription.v1.Chunk",
    ".vigie.transcription.v1.BatchStart",
    ".vigie.transcription.v1.BatchMember",
    ".vigie.transcription.v1.GetBatchResponse",
    ".vigie.audit.v1.Pagination",
    ".vigie.audit.v1.QueuedRerun",
    ".vigie.transcription.v1.TranscriptSummary",
];

/// Fields of views that hold JSON text, with their name on the wire.
const RAW_JSON: [(&str, &str); 11] = [
    (".vigie.audit.v1.AuditLogEntry.data_json", "data"),
    (".vigie.auth.v1.AuditEvent.before_json", "before"),
    (".vigie.auth.v1.AuditEvent.after_json", "after"),
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
    (".vigie.transcription.v1.LogEntry.data_json", "data"),
];

/// Fields with a name of their own on the wire: of two under one name only one is ever set.
const RENAMED: [(&str, &str); 1] = [(".vigie.audit.v1.AuditRow.fiche_cache_detail", "ficheCache")];

/// Fields that are absent, not null, where the contract leaves them out.
const OMITTED_WHEN_NONE: [&str; 31] = [
    ".vigie.audit.v1.AuditGroup.status_counts",
    ".vigie.audit.v1.AuditGroup.fiche",
    ".vigie.audit.v1.AuditGroup.audit_config",
    ".vigie.audit.v1.AuditGroup.automation_schedule",
    ".vigie.audit.v1.AuditGroup.automation_run",
    ".vigie.audit.v1.StatusCounts.pending",
    ".vigie.audit.v1.StatusCounts.running",
    ".vigie.audit.v1.StatusCounts.completed",
    ".vigie.audit.v1.StatusCounts.failed",
    ".vigie.audit.v1.ConfigDetail.stats",
    ".vigie.fiche.v1.RangeMeta.next_cursor",
    ".vigie.fiche.v1.RangeMeta.truncated",
    ".vigie.fiche.v1.CrmUser.telephone",
    ".vigie.fiche.v1.CrmUser.email",
    ".vigie.fiche.v1.CrmUser.login",
    ".vigie.fiche.v1.CrmUser.agence",
    ".vigie.fiche.v1.CrmUser.agence_id",
    ".vigie.fiche.v1.CrmUser.role",
    ".vigie.fiche.v1.CrmUser.role_id",
    ".vigie.fiche.v1.CrmUser.etat",
    ".vigie.fiche.v1.CrmUser.actif",
    ".vigie.fiche.v1.CrmUser.tv",
    ".vigie.fiche.v1.CrmUser.se",
    ".vigie.fiche.v1.CrmGroup.membres_count",
    ".vigie.fiche.v1.CrmGroup.responsable_1",
    ".vigie.fiche.v1.CrmGroup.responsable_2",
    ".vigie.fiche.v1.CrmGroup.responsable_3",
    ".vigie.audit.v1.AuditRow.fiche_cache",
    ".vigie.audit.v1.AuditRow.fiche_cache_detail",
    ".vigie.audit.v1.Pagination.next_cursor",
    ".vigie.transcription.v1.RunStatus.reason",
];

/// Fields whose own fields stand beside the others.
const FLATTENED: [&str; 2] = [
    ".vigie.auth.v1.Team.with_members",
    ".vigie.auth.v1.DirectoryUser.crm_user",
];

/// Fields for the gateway, not for the body.
const HIDDEN: [&str; 1] = [".vigie.auth.v1.UpsertTeamResponse.created"];

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
    for field in FLATTENED {
        builder = builder.field_attribute(field, "#[serde(flatten)]");
    }
    for field in HIDDEN {
        builder = builder.field_attribute(field, "#[serde(skip)]");
    }
    builder = builder.field_attribute(
        ".vigie.fiche.v1.CrmGroup.user_ids",
        "#[serde(skip_serializing_if = \"Vec::is_empty\")]",
    );
    builder.compile_fds(descriptors)?;
    Ok(())
}

fn prost_bytes(descriptors: &impl prost::Message) -> Vec<u8> {
    descriptors.encode_to_vec()
}
