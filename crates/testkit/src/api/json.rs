//! Reading JSON that says numbers as numbers here and as strings there.

use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// A string or a number as text; anything else is empty.
pub fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => String::new(),
    }
}

/// For a field that must be there, as a string or a number.
pub(super) fn id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let value = Value::deserialize(deserializer)?;
    match value {
        Value::String(_) | Value::Number(_) => Ok(text(&value)),
        other => Err(serde::de::Error::custom(format!("{other} is no id"))),
    }
}
