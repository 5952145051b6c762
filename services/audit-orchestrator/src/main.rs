//! The audit-orchestrator service.

use std::process::ExitCode;

fn main() -> ExitCode {
    vigie_service::run("audit-orchestrator", vigie_audit_orchestrator::app::start)
}
