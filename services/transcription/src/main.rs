//! The transcription service.

use std::process::ExitCode;

fn main() -> ExitCode {
    vigie_service::run("transcription", vigie_transcription::app::start)
}
