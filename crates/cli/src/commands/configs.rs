//! `vigie configs`: audit configurations as files, through the public API. What an export holds, an
//! import makes again as a new configuration.

use super::administrator;
use crate::args::Installation;
use anyhow::{Context, Result, bail};
use clap::Subcommand;
use serde_json::{Value, json};
use std::path::PathBuf;

/// Options of `configs`.
#[derive(Debug, clap::Args)]
pub struct ConfigsArgs {
    /// What to do
    #[command(subcommand)]
    pub command: Configs,
    /// Where.
    #[command(flatten)]
    pub at: Installation,
}

/// Commands on configurations.
#[derive(Debug, Subcommand)]
pub enum Configs {
    /// Write configurations as JSON
    Export {
        /// Only this one; all of them, inactive ones too, when left out
        #[arg(long)]
        config: Option<String>,
        /// The file; standard output when left out
        #[arg(long, short)]
        out: Option<PathBuf>,
    },
    /// Make the configurations of a file
    Import {
        /// The file
        file: PathBuf,
    },
}

/// Fields of a configuration, and of its steps, that belong to a person and not to an installation.
const CONFIG: [&str; 6] = [
    "name",
    "description",
    "systemPrompt",
    "isActive",
    "runAutomatically",
    "createdBy",
];
const STEP: [&str; 11] = [
    "position",
    "name",
    "description",
    "prompt",
    "controlPoints",
    "keywords",
    "severityLevel",
    "isCritical",
    "weight",
    "chronologicalImportant",
    "verifyProductInfo",
];

/// Runs the command.
pub async fn run(args: &ConfigsArgs) -> Result<()> {
    let api = administrator(&args.at).await?;
    match &args.command {
        Configs::Export { config, out } => {
            let path = match config {
                Some(id) => format!("/api/audit-configs/{id}"),
                None => "/api/audit-configs?include_inactive=true&include_steps=true".to_owned(),
            };
            let answer = api.get(&path).await?;
            let file: Vec<Value> = match &answer["data"] {
                Value::Array(configs) => configs.iter().map(portable).collect(),
                config => vec![portable(config)],
            };
            let text = serde_json::to_string_pretty(&file)?;
            if let Some(path) = out {
                std::fs::write(path, text + "\n")
                    .with_context(|| format!("writing {}", path.display()))
            } else {
                println!("{text}");
                Ok(())
            }
        }
        Configs::Import { file } => {
            let text = std::fs::read_to_string(file)
                .with_context(|| format!("reading {}", file.display()))?;
            let configs = match serde_json::from_str::<Value>(&text)? {
                Value::Array(configs) => configs,
                config @ Value::Object(_) => vec![config],
                _ => bail!("the file holds no configuration"),
            };
            // The newest is last: exports list it first, and `run-latest` uses it.
            for config in configs.iter().rev() {
                let answer = api.post("/api/audit-configs", &portable(config)).await?;
                let made = &answer["data"];
                println!("{}  {}", text_of(&made["id"]), text_of(&made["name"]));
            }
            Ok(())
        }
    }
}

/// A configuration without what belongs to an installation: ids, times, revision.
fn portable(config: &Value) -> Value {
    let mut portable = chosen(config, &CONFIG);
    let steps = config["steps"].as_array().into_iter().flatten();
    portable["steps"] = steps.map(|step| chosen(step, &STEP)).collect();
    portable
}

fn chosen(value: &Value, names: &[&str]) -> Value {
    let mut chosen = json!({});
    for name in names {
        if let Some(field) = value.get(name).filter(|field| !field.is_null()) {
            chosen[*name] = field.clone();
        }
    }
    chosen
}

fn text_of(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::portable;
    use serde_json::json;

    #[test]
    fn what_is_exported_belongs_to_no_installation() {
        let config = json!({"id": "1", "name": "a", "description": null, "revision": 3,
            "createdAt": "x", "steps": [{"id": "7", "auditConfigId": "1", "name": "s", "weight": 5}]});
        let expected = json!({"name": "a", "steps": [{"name": "s", "weight": 5}]});
        assert_eq!(portable(&config), expected);
        assert_eq!(portable(&expected), expected);
    }
}
