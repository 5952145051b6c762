//! The sections of a fiche that are kept as JSON.

use serde_json::{Map, Value};

use super::lenient::{self, Quarantined};

const LISTS: [&str; 9] = [
    "enfants",
    "mails",
    "rendez_vous",
    "commentaires",
    "tarification",
    "reclamations",
    "autres_contrats",
    "documents",
    "alertes",
];
const OBJECTS: [&str; 2] = ["conjoint", "elements_souscription"];
/// Objects whose keys are the CRM's own: stored whole and untouched.
const FREE: [&str; 4] = [
    "questions_complementaires",
    "questions_conseil",
    "raw_data",
    "raw_sections",
];

/// Takes the known sections out of a payload. A missing list is `[]`, a missing object `null`.
pub(super) fn take(
    payload: &mut Map<String, Value>,
    quarantined: &mut Vec<Quarantined>,
) -> Map<String, Value> {
    let mut sections = Map::new();
    for name in LISTS {
        let rows = lenient::rows(name, payload.remove(name), quarantined, Ok);
        let rows = rows
            .into_iter()
            .map(|row| texts_for_ids(Value::Object(row)));
        sections.insert(name.to_owned(), rows.collect());
    }
    for name in OBJECTS {
        let object = payload.remove(name).filter(Value::is_object);
        sections.insert(name.to_owned(), texts_for_ids(object.unwrap_or_default()));
    }
    let raw = payload.remove("raw_sections").filter(Value::is_object);
    sections.insert(
        "raw_sections".to_owned(),
        raw.unwrap_or_else(|| Map::new().into()),
    );
    sections
}

/// Writes numbers under `…_id` keys as text, at any depth outside the free objects.
pub(super) fn texts_for_ids(value: Value) -> Value {
    match value {
        Value::Array(items) => items.into_iter().map(texts_for_ids).collect(),
        Value::Object(map) => map
            .into_iter()
            .map(|(key, value)| {
                let value = match value {
                    Value::Number(number) if key.ends_with("_id") => number.to_string().into(),
                    value if FREE.contains(&key.as_str()) => value,
                    value => texts_for_ids(value),
                };
                (key, value)
            })
            .collect(),
        scalar => scalar,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn missing_sections_have_their_empty_form_and_unknown_ones_stay_behind() {
        let mut payload = json!({"mails": "oops", "documents": [{"document_id": 5}, 3], "surprise": 1,
            "elements_souscription": {"souscription_id": 9, "raw_data": {"x_id": 1}}});
        let mut bad = Vec::new();
        let sections = take(payload.as_object_mut().unwrap(), &mut bad);
        assert_eq!(
            Value::Object(sections),
            json!({"enfants": [], "mails": [], "rendez_vous": [], "commentaires": [], "tarification": [],
                   "reclamations": [], "autres_contrats": [], "documents": [{"document_id": "5"}], "alertes": [],
                   "conjoint": null, "raw_sections": {},
                   "elements_souscription": {"souscription_id": "9", "raw_data": {"x_id": 1}}})
        );
        assert_eq!(bad.len(), 1);
        assert_eq!(payload, json!({"surprise": 1}));
    }
}
