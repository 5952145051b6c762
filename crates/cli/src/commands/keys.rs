//! `vigie keys`: the keys that sign tokens, through the public API as any administrator would.

use super::administrator;
use crate::args::{Keys, KeysArgs};
use anyhow::Result;
use serde_json::json;

/// Runs the command.
pub async fn run(args: &KeysArgs) -> Result<()> {
    let api = administrator(&args.at).await?;
    match args.command {
        Keys::Rotate => {
            let answer = api.post("/api/admin/keys/rotate", &json!({})).await?;
            for key in answer["data"]["keys"].as_array().into_iter().flatten() {
                println!(
                    "{}  signs from {}  verifies until {}",
                    key["kid"].as_str().unwrap_or_default(),
                    key["not_before"].as_str().unwrap_or_default(),
                    key["retired_at"].as_str().unwrap_or("it is replaced"),
                );
            }
            Ok(())
        }
    }
}
