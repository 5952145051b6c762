//! The automation service.

use std::process::ExitCode;

fn main() -> ExitCode {
    vigie_service::run("automation", vigie_automation::app::start)
}
