//! Faults only a CRM can have: answers that are JSON, but not what was promised.

use serde_json::{Value, json};

use crate::faults::{Hit, kind};

/// One row of a list, or one entry of a section, is no object.
pub const MALFORMED_ROW: &str = "malformed_row";
/// A section is left out: the one named by the rule's `body`, else `prospect`.
pub const MISSING_SECTION: &str = "missing_section";
/// Ids are numbers instead of text.
pub const NUMERIC_IDS: &str = "numeric_ids";
/// Recordings have an empty address.
pub const BLANK_RECORDING_URL: &str = "blank_recording_url";
/// Start times name no zone.
pub const NAIVE_START_TIME: &str = "naive_start_time";

/// Lists whose last entry `malformed_row` breaks, first found first.
const LISTS: &[&str] = &[
    "fiches",
    "utilisateurs",
    "groupes",
    "commentaires",
    "recordings",
];

/// The answer as the faults of this request leave it.
pub(super) fn spoil(hit: &Hit, mut answer: Value) -> Value {
    if hit.take(kind::SUCCESS_FALSE).is_some() {
        return json!({ "success": false, "message": "Erreur interne du CRM" });
    }
    if hit.take(MALFORMED_ROW).is_some() {
        break_a_row(&mut answer);
    }
    if let Some(rule) = hit.take(MISSING_SECTION) {
        let named = rule.body.as_ref().and_then(Value::as_str);
        if let Some(object) = answer.as_object_mut() {
            object.remove(named.unwrap_or("prospect"));
        }
    }
    if hit.take(NUMERIC_IDS).is_some() {
        each_field(&mut answer, &|key, value| {
            let is_id = key == "id" || key.ends_with("_id");
            if let Some(number) = value.as_str().and_then(|text| text.parse::<u64>().ok())
                && is_id
            {
                *value = json!(number);
            }
        });
    }
    if hit.take(BLANK_RECORDING_URL).is_some() {
        each_field(&mut answer, &|key, value| {
            if key == "recording_url" {
                *value = json!("");
            }
        });
    }
    if hit.take(NAIVE_START_TIME).is_some() {
        each_field(&mut answer, &|key, value| {
            if let Some(text) = value.as_str()
                && key == "start_time"
            {
                *value = json!(text.chars().take(19).collect::<String>());
            }
        });
    }
    answer
}

fn break_a_row(answer: &mut Value) {
    let inside = if answer.get("data").is_some() {
        &mut answer["data"]
    } else {
        answer
    };
    for name in LISTS {
        if let Some(row) = inside
            .get_mut(*name)
            .and_then(Value::as_array_mut)
            .and_then(|rows| rows.last_mut())
        {
            *row = json!("ligne illisible");
            return;
        }
    }
}

fn each_field(value: &mut Value, change: &impl Fn(&str, &mut Value)) {
    match value {
        Value::Object(fields) => {
            for (key, field) in fields.iter_mut() {
                change(key, field);
                each_field(field, change);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| each_field(item, change)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
