//! The shape asked of a model, and the reading of what it answers (4.4, 4.6).

use serde_json::{Value, json};

use crate::{Conforme, Niveau, Statut, StepResult};

/// Name under which the schema is given to the model.
pub const SCHEMA_NAME: &str = "step_result";

/// An answer that is not a step result.
#[derive(Debug, thiserror::Error)]
pub enum ParseError {
    /// It is empty.
    #[error("the model answered nothing")]
    Empty,
    /// It is not JSON of the expected shape, even after the repair of 4.6.
    #[error("the model's answer has an invalid shape")]
    Shape(#[source] serde_json::Error),
    /// The score is below zero.
    #[error("the model answered the score {0}")]
    NegativeScore(i32),
}

/// JSON Schema of 4.4, strict: no additional property, every property required.
pub fn llm_schema() -> Value {
    let text = || json!({"type": "string"});
    let texts = || json!({"type": "array", "items": {"type": "string"}});
    let words = |words: Vec<&str>| json!({"type": "string", "enum": words});
    let citation = object([
        ("texte", text()),
        ("minutage", text()),
        ("minutage_secondes", json!({"type": "number"})),
        ("speaker", text()),
        ("recording_index", json!({"type": "integer"})),
        ("chunk_index", json!({"type": "integer"})),
        ("recording_date", text()),
        ("recording_time", text()),
        ("recording_url", text()),
    ]);
    let control_point = object([
        ("point", text()),
        (
            "statut",
            words(Statut::ALL.iter().map(|word| word.as_str()).collect()),
        ),
        ("commentaire", text()),
        ("citations", json!({"type": "array", "items": citation})),
        ("minutages", texts()),
        ("erreur_transcription_notee", json!({"type": "boolean"})),
        (
            "variation_phonetique_utilisee",
            json!({"type": ["string", "null"]}),
        ),
    ]);
    object([
        ("traite", json!({"type": "boolean"})),
        (
            "conforme",
            words(Conforme::ALL.iter().map(|word| word.as_str()).collect()),
        ),
        ("minutages", texts()),
        ("score", json!({"type": "integer", "minimum": 0})),
        (
            "points_controle",
            json!({"type": "array", "items": control_point}),
        ),
        ("mots_cles_trouves", texts()),
        ("commentaire_global", text()),
        (
            "niveau_conformite",
            words(Niveau::ALL.iter().map(|word| word.as_str()).collect()),
        ),
        ("erreurs_transcription_tolerees", json!({"type": "integer"})),
    ])
}

fn object<const N: usize>(properties: [(&str, Value); N]) -> Value {
    let required = properties.each_ref().map(|(name, _)| (*name).to_owned());
    let properties: serde_json::Map<_, _> = properties
        .into_iter()
        .map(|(name, schema)| (name.to_owned(), schema))
        .collect();
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": required.as_slice(),
        "properties": properties,
    })
}

/// Reads a model's answer. The only repair is of syntax: a last brace that was cut off (4.6).
///
/// A model says nothing about verdicts, metadata, usage or call ids: such fields are dropped.
pub fn parse_model_output(text: &str) -> Result<StepResult, ParseError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(ParseError::Empty);
    }
    let read = if text.ends_with('}') {
        serde_json::from_str(text)
    } else {
        serde_json::from_str(&format!("{text}}}"))
    };
    let mut result: StepResult = read.map_err(ParseError::Shape)?;
    if result.score < 0 {
        return Err(ParseError::NegativeScore(result.score));
    }
    result.step_metadata = None;
    result.usage = None;
    for point in &mut result.points_controle {
        point.verdict = None;
        point.verdict_source = None;
        point
            .citations
            .iter_mut()
            .for_each(|citation| citation.call_id = None);
    }
    Ok(result)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn answer() -> Value {
        json!({
            "traite": true, "conforme": "PARTIEL", "minutages": ["03:10"], "score": 5,
            "points_controle": [{
                "point": "Budget mensuel demandé", "statut": "PRESENT", "commentaire": "…",
                "citations": [{
                    "texte": "quel budget souhaitez-vous garder par mois", "speaker": "speaker_0",
                    "minutage": "03:10", "minutage_secondes": 190.4, "recording_index": 0,
                    "chunk_index": 2, "recording_date": "05/01/2026", "recording_time": "10:02",
                    "recording_url": "N/A",
                }],
                "minutages": ["03:10"], "erreur_transcription_notee": false,
                "variation_phonetique_utilisee": null,
            }],
            "mots_cles_trouves": ["budget"], "commentaire_global": "…",
            "niveau_conformite": "ACCEPTABLE", "erreurs_transcription_tolerees": 0,
        })
    }

    #[test]
    fn an_answer_reads_and_writes_back() {
        let result = parse_model_output(&answer().to_string()).unwrap();
        assert_eq!(serde_json::to_value(&result).unwrap(), answer());
    }

    #[test]
    fn the_schema_names_exactly_the_fields_of_an_answer() {
        fn check(schema: &Value, value: &Value) {
            match value {
                Value::Object(fields) => {
                    assert_eq!(schema["additionalProperties"], false);
                    let mut required: Vec<_> =
                        schema["required"].as_array().unwrap().iter().collect();
                    required.sort_by_key(|name| name.as_str());
                    let mut names: Vec<_> = fields.keys().collect();
                    names.sort();
                    assert_eq!(required, names);
                    assert_eq!(schema["properties"].as_object().unwrap().len(), names.len());
                    for (name, value) in fields {
                        check(&schema["properties"][name], value);
                    }
                }
                Value::Array(items) => items.iter().for_each(|item| check(&schema["items"], item)),
                _ => assert!(schema["type"].is_string() || schema["type"].is_array()),
            }
        }
        check(&llm_schema(), &answer());
    }

    #[test]
    fn one_missing_brace_is_appended_and_blanks_are_trimmed() {
        let text = answer().to_string();
        let cut = format!("\n  {} ", text.strip_suffix('}').unwrap());
        assert!(parse_model_output(&cut).is_ok());
        assert!(matches!(
            parse_model_output(&text[..text.len() / 2]),
            Err(ParseError::Shape(_))
        ));
        assert!(matches!(parse_model_output(" \n"), Err(ParseError::Empty)));
    }

    #[rstest]
    #[case("/score", json!(-1))]
    #[case("/score", json!(2.5))]
    #[case("/score", json!("5"))]
    #[case("/conforme", json!("OUI"))]
    #[case("/points_controle/0/statut", json!("UNVERIFIABLE"))]
    #[case("/points_controle/0/citations/0/chunk_index", json!(null))]
    #[case("/mots_cles_trouves", json!("budget"))]
    fn a_wrong_shape_is_refused(#[case] pointer: &str, #[case] value: Value) {
        let mut answer = answer();
        *answer.pointer_mut(pointer).unwrap() = value;
        assert!(parse_model_output(&answer.to_string()).is_err());
    }

    #[test]
    fn whole_numbers_may_have_a_fraction_and_any_size() {
        let mut answer = answer();
        answer["score"] = json!(5.0);
        answer["points_controle"][0]["citations"][0]["chunk_index"] = json!(-1e30);
        let result = parse_model_output(&answer.to_string()).unwrap();
        assert_eq!(result.score, 5);
        assert_eq!(result.points_controle[0].citations[0].chunk_index, i32::MIN);
    }

    #[test]
    fn a_model_cannot_set_what_is_not_its_to_say() {
        let mut answer = answer();
        answer["points_controle"][0]["verdict"] = json!("PRESENT");
        answer["points_controle"][0]["citations"][0]["call_id"] = json!("other");
        answer["usage"] = json!({"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0});
        let result = parse_model_output(&answer.to_string()).unwrap();
        assert_eq!(result.points_controle[0].verdict, None);
        assert_eq!(result.points_controle[0].citations[0].call_id, None);
        assert_eq!(result.usage, None);
    }
}
