//! `vigie eval`: how far an engine agrees with people on calls they have labelled, so that a change
//! of prompt, model or rule can be judged before anybody's audits are.
//!
//! It needs no stack: the engine is asked directly, and its answers go through the same evidence
//! check as those of an audit.

mod cases;
mod measure;
mod report;

use anyhow::{Context, Result, ensure};
use cases::Case;
use measure::Evaluation;
use std::path::PathBuf;
use vigie_scorecard::ConfigSnapshot;
use vigie_service::env::Env;
use vigie_step_analyzer::config::{Config, EngineConfig};
use vigie_step_analyzer::engine::{Engine, Lexical};

/// The grille that the built-in cases are labelled for.
const GRILLE: &str =
    include_str!("../../../../../services/audit-orchestrator/seeds/essential.json");

/// Options of `eval`.
#[derive(Debug, clap::Args)]
pub struct EvalArgs {
    /// Who judges; `openai` is set up by `OPENAI_*` as for step-analyzer
    #[arg(long, value_enum, default_value_t = EngineName::Lexical)]
    engine: EngineName,
    /// Labelled calls, one a `.txt` file, instead of the built-in ones
    #[arg(long, value_name = "FOLDER")]
    cases: Option<PathBuf>,
    /// The configuration they are labelled for, as an export file, instead of the six-step one
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Let the model search the transcript by tools instead of reading all of it
    #[arg(long)]
    tools: bool,
    /// Print the figures as JSON
    #[arg(long)]
    json: bool,
}

/// An engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum EngineName {
    /// The built-in one
    Lexical,
    /// A model
    Openai,
}

/// Runs the command.
pub async fn run(args: &EvalArgs) -> Result<()> {
    let config = match &args.config {
        None => grille(GRILLE)?,
        Some(file) => {
            let text = std::fs::read_to_string(file).context("reading the configuration")?;
            grille(&text)?
        }
    };
    let cases = match &args.cases {
        None => cases::built_in()?,
        Some(folder) => cases::of_folder(folder)?,
    };
    let engine = match args.engine {
        EngineName::Lexical => Engine::Lexical(Lexical::default()),
        EngineName::Openai => from_environment()?,
    };
    ensure!(
        !args.tools || engine.has_tools(),
        "the engine {} has no transcript tools",
        engine.name()
    );
    let evaluation = evaluate(&engine, &config, &cases, args.tools).await?;
    if args.json {
        println!("{}", serde_json::to_string_pretty(&evaluation)?);
    } else {
        print!("{}", report::markdown(&evaluation));
    }
    Ok(())
}

async fn evaluate(
    engine: &Engine,
    config: &ConfigSnapshot,
    cases: &[Case],
    tools: bool,
) -> Result<Evaluation> {
    for case in cases {
        case.check(config)?;
    }
    measure::evaluate(engine, config, cases, tools).await
}

/// A configuration file: a seed or an export, which need not name an id.
fn grille(text: &str) -> Result<ConfigSnapshot> {
    let mut grille: serde_json::Value =
        serde_json::from_str(text).context("the configuration is no JSON")?;
    if grille["id"].is_null() {
        grille["id"] = "0".into();
    }
    serde_json::from_value(grille).context("the configuration has an unknown shape")
}

fn from_environment() -> Result<Engine> {
    let engine = Env::from_process().read::<Config>()?.engine;
    ensure!(
        matches!(engine, EngineConfig::OpenAi { .. }),
        "set OPENAI_API_KEY, or AUDIT_ENGINE=openai for an endpoint without keys"
    );
    engine.build()
}

#[cfg(test)]
mod tests;
