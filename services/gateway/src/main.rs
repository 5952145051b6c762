//! The gateway.

use std::process::ExitCode;

fn main() -> ExitCode {
    vigie_service::run("gateway", vigie_gateway::app::start)
}
