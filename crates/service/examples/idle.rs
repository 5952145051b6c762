//! The whole of a service's `main`; this one does nothing until it is told to stop.

use std::process::ExitCode;
use vigie_service::Boot;

fn main() -> ExitCode {
    vigie_service::run("gateway", async |_boot: Boot<()>| Ok(()))
}
