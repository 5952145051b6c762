//! The fiche cache service.

use std::process::ExitCode;

fn main() -> ExitCode {
    vigie_service::run("fiche-cache", vigie_fiche_cache::app::start)
}
