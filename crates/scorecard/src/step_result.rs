//! What is known about one step: the model's answer (4.4) and what is added to it (4.5, 5.6).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::number;
use crate::{Conforme, Niveau, Outcome, Severity, Statut, StepDefinition, Verdict, VerdictSource};

/// Result of one step. The first nine fields are the model's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StepResult {
    /// Whether the subject of the step was dealt with in the call.
    pub traite: bool,
    /// Conformity.
    pub conforme: Conforme,
    /// Distinct minutages of the citations.
    pub minutages: Vec<String>,
    /// Points obtained. A model may answer more than the weight; see D-2.
    #[serde(deserialize_with = "number::whole")]
    pub score: i32,
    /// One entry per configured control point, in the same order once aligned.
    pub points_controle: Vec<ControlPoint>,
    /// Keywords of the step heard in the call.
    pub mots_cles_trouves: Vec<String>,
    /// Comment on the step as a whole.
    pub commentaire_global: String,
    /// Level.
    pub niveau_conformite: Niveau,
    /// Mis-hearings of the speech model that were tolerated.
    #[serde(deserialize_with = "number::whole")]
    pub erreurs_transcription_tolerees: i32,
    /// Copied from the configuration by the analyzer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step_metadata: Option<StepMetadata>,
    /// Tokens spent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
}

/// Answer to one control point.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ControlPoint {
    /// Text of the point.
    pub point: String,
    /// Answer in the contract's words.
    pub statut: Statut,
    /// Reason.
    pub commentaire: String,
    /// Quotes that prove it.
    pub citations: Vec<Citation>,
    /// Distinct minutages of the citations.
    pub minutages: Vec<String>,
    /// Whether a mis-hearing was noticed.
    pub erreur_transcription_notee: bool,
    /// The variant heard, if one was accepted.
    pub variation_phonetique_utilisee: Option<String>,
    /// What is really known (5.6); absent from a model's answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
    /// Who decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict_source: Option<VerdictSource>,
}

/// A verbatim quote and where it was heard.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Citation {
    /// The words, verbatim.
    pub texte: String,
    /// `MM:SS` inside the recording.
    pub minutage: String,
    /// The same in seconds.
    #[serde(serialize_with = "number::plain")]
    pub minutage_secondes: f64,
    /// Who spoke.
    pub speaker: String,
    /// 0-based place of the recording in the timeline; unchecked, possibly negative.
    #[serde(deserialize_with = "number::whole")]
    pub recording_index: i32,
    /// 0-based place of the chunk in the recording; unchecked, possibly negative.
    #[serde(deserialize_with = "number::whole")]
    pub chunk_index: i32,
    /// `DD/MM/YYYY` or `N/A`.
    pub recording_date: String,
    /// `HH:MM` or `N/A`.
    pub recording_time: String,
    /// Where to listen, or `N/A`.
    pub recording_url: String,
    /// Id of the call quoted, known after enrichment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call_id: Option<String>,
}

/// The configured facts of a step, and the origin of its result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StepMetadata {
    /// 1-based position.
    pub position: i32,
    /// Name.
    pub name: String,
    /// Severity.
    pub severity: Severity,
    /// Whether the audit is rejected unless this step is conform.
    pub is_critical: bool,
    /// Points the step is worth.
    pub weight: i32,
    /// How the analysis ended technically.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// Engine that answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine: Option<String>,
    /// Model that answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Version of the prompt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt_version: Option<String>,
}

/// Tokens spent on a step.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Usage {
    /// Tokens read.
    pub prompt_tokens: i64,
    /// Tokens written.
    pub completion_tokens: i64,
    /// Their sum, as the provider states it.
    pub total_tokens: i64,
}

impl StepMetadata {
    /// The configured facts of a step, of yet unknown origin.
    pub fn of(step: &StepDefinition) -> Self {
        Self {
            position: step.position,
            name: step.name.clone(),
            severity: step.severity,
            is_critical: step.is_critical,
            weight: step.weight,
            outcome: None,
            engine: None,
            model: None,
            prompt_version: None,
        }
    }
}

impl StepResult {
    /// `W` of 5.3: the weight, never negative; without metadata the score stands in for it.
    pub fn weight(&self) -> i32 {
        self.step_metadata
            .as_ref()
            .map_or(self.score, |metadata| metadata.weight)
            .max(0)
    }

    /// Whether this is the fallback of 4.6.
    pub fn is_fallback(&self) -> bool {
        self.step_metadata
            .as_ref()
            .and_then(|metadata| metadata.outcome)
            == Some(Outcome::Fallback)
    }

    /// Citations over all points.
    pub fn total_citations(&self) -> i32 {
        number::count(
            self.points_controle
                .iter()
                .map(|point| point.citations.len())
                .sum(),
        )
    }

    /// Tokens spent, 0 when unknown.
    pub fn total_tokens(&self) -> i64 {
        self.usage.map_or(0, |usage| usage.total_tokens)
    }
}

#[cfg(test)]
mod tests {
    use schemars::schema_for;
    use serde_json::{Value, json};

    use super::*;
    use crate::{llm_schema, sample};

    /// Events carry a [`StepResult`]; what they publish must accept what a model is asked for.
    #[test]
    fn the_published_schema_requires_what_the_model_must_answer() {
        fn names(list: &Value) -> Vec<&str> {
            let mut names: Vec<_> = list
                .as_array()
                .unwrap()
                .iter()
                .filter_map(Value::as_str)
                .collect();
            names.sort_unstable();
            names
        }
        let published = serde_json::to_value(schema_for!(StepResult)).unwrap();
        let asked = llm_schema();
        assert_eq!(names(&published["required"]), names(&asked["required"]));
        for name in ["score", "erreurs_transcription_tolerees"] {
            assert_eq!(published["properties"][name]["type"], "integer");
        }
        let citation = &published["$defs"]["Citation"]["properties"];
        assert_eq!(citation["minutage_secondes"]["type"], "number");
        assert_eq!(citation["recording_index"]["type"], "integer");
    }

    #[test]
    fn unknown_additions_are_left_out_of_the_json() {
        let mut result = sample::result(3, Conforme::Partiel, Niveau::Bon);
        result.points_controle = vec![sample::point("P")];
        let value = serde_json::to_value(&result).unwrap();
        assert_eq!(
            value["points_controle"][0]["variation_phonetique_utilisee"],
            Value::Null
        );
        assert_eq!(
            value["points_controle"][0]["citations"][0]["minutage_secondes"],
            json!(12)
        );
        for absent in ["/usage", "/step_metadata", "/points_controle/0/verdict"] {
            assert_eq!(value.pointer(absent), None);
        }
        assert_eq!(serde_json::from_value::<StepResult>(value).unwrap(), result);
    }

    #[test]
    fn a_negative_weight_is_none() {
        let mut result = sample::result(4, Conforme::Partiel, Niveau::Bon);
        assert_eq!(result.weight(), 4);
        result.step_metadata = Some(StepMetadata::of(&sample::definition(1, -2, &[])));
        assert_eq!((result.weight(), result.total_tokens()), (0, 0));
    }
}
