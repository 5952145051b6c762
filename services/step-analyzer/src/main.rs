//! The step-analyzer service.

use std::process::ExitCode;

fn main() -> ExitCode {
    vigie_service::run("step-analyzer", vigie_step_analyzer::app::start)
}
