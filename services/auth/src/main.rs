//! The auth service.

use std::process::ExitCode;

fn main() -> ExitCode {
    vigie_service::run("auth", vigie_auth::app::start)
}
