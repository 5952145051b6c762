//! Prints the description of the public API, to be committed as `docs/openapi.json`.

use std::process::ExitCode;

fn main() -> ExitCode {
    match vigie_gateway::http::openapi_document().to_pretty_json() {
        Ok(text) => {
            println!("{text}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
