//! The transcript tools as a model is told of them (audits.md 4.7).

use serde_json::json;
use vigie_upstream::llm::ToolSpec;

/// Finds chunks.
pub const SEARCH_TOOL: &str = "searchTranscript";
/// Reads chunks.
pub const CHUNKS_TOOL: &str = "getTranscriptChunks";

/// Both tools. Strict mode wants every property required; what may be left out is null.
pub fn specs() -> Vec<ToolSpec> {
    vec![
        ToolSpec {
            name: SEARCH_TOOL.to_owned(),
            description: "Cherche des mots dans la transcription et renvoie les chunks les plus \
                proches, avec un aperçu. Les accents et les terminaisons ne comptent pas."
                .to_owned(),
            parameters: json!({
                "type": "object", "additionalProperties": false,
                "required": ["query", "maxResults", "minTermLength"],
                "properties": {
                    "query": {"type": "string"},
                    "maxResults": {"type": ["integer", "null"], "minimum": 1, "maximum": 50},
                    "minTermLength": {"type": ["integer", "null"], "minimum": 2, "maximum": 8},
                },
            }),
        },
        ToolSpec {
            name: CHUNKS_TOOL.to_owned(),
            description: "Renvoie le texte entier de chunks. Lis un chunk avant de le citer."
                .to_owned(),
            parameters: json!({
                "type": "object", "additionalProperties": false,
                "required": ["chunks", "includeNeighbors", "maxChars"],
                "properties": {
                    "chunks": {
                        "type": "array", "minItems": 1, "maxItems": 60,
                        "items": {
                            "type": "object", "additionalProperties": false,
                            "required": ["recording_index", "chunk_index"],
                            "properties": {
                                "recording_index": {"type": "integer", "minimum": 0},
                                "chunk_index": {"type": "integer", "minimum": 0},
                            },
                        },
                    },
                    "includeNeighbors": {"type": ["integer", "null"], "minimum": 0, "maximum": 2},
                    "maxChars": {"type": ["integer", "null"], "minimum": 1000, "maximum": 80000},
                },
            }),
        },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use vigie_scorecard::{ChunksArgs, SearchArgs};

    #[test]
    fn what_is_described_can_be_read() {
        let search = json!({"query": "budget", "maxResults": null, "minTermLength": 4});
        assert!(serde_json::from_value::<SearchArgs>(search).is_ok());
        let chunks = json!({"chunks": [{"recording_index": 0, "chunk_index": 1}],
            "includeNeighbors": null, "maxChars": 2000});
        assert!(serde_json::from_value::<ChunksArgs>(chunks).is_ok());
        for spec in specs() {
            let properties = spec.parameters["properties"].as_object().unwrap();
            let required = spec.parameters["required"].as_array().unwrap();
            assert_eq!(
                properties.len(),
                required.len(),
                "strict schemas require all"
            );
        }
    }
}
