//! Prints `docs/asyncapi.yaml`: what `make generated` runs.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    print!("{}", vigie_events::asyncapi::yaml()?);
    Ok(())
}
