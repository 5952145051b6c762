//! The configuration an audit is judged by, as frozen in `audits.config_snapshot` (7.1, 7.4).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Severity;

/// One revision of an audit configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConfigSnapshot {
    /// Configuration id, a decimal string.
    pub id: String,
    /// Name shown.
    pub name: String,
    /// What it is for.
    #[serde(default)]
    pub description: Option<String>,
    /// First part of every prompt; omitted when absent.
    #[serde(default)]
    pub system_prompt: Option<String>,
    /// Revision of the configuration this is a copy of.
    #[serde(default)]
    pub revision: i32,
    /// Steps, in position order.
    pub steps: Vec<StepDefinition>,
}

/// One configured step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StepDefinition {
    /// 1-based, unique in the configuration.
    pub position: i32,
    /// Name shown.
    pub name: String,
    /// What the step is about.
    #[serde(default)]
    pub description: Option<String>,
    /// Instructions to the model.
    pub prompt: String,
    /// The requirements, in order; `control_point_index` is the place in this list plus one.
    pub control_points: Vec<String>,
    /// Words that hint at the step.
    #[serde(default)]
    pub keywords: Vec<String>,
    /// Severity.
    #[serde(default = "default_severity", rename = "severityLevel")]
    pub severity: Severity,
    /// Whether the audit is rejected unless this step is conform.
    #[serde(default)]
    pub is_critical: bool,
    /// Points the step is worth, 1 to 10.
    #[serde(default = "default_weight")]
    pub weight: i32,
    /// Whether the order in which things are said matters.
    #[serde(default)]
    pub chronological_important: bool,
    /// Whether what is said is compared with the product sold.
    #[serde(default)]
    pub verify_product_info: bool,
}

/// Severity of a step that states none (4.6).
fn default_severity() -> Severity {
    Severity::Medium
}

/// Weight of a step that states none (4.6).
fn default_weight() -> i32 {
    5
}

impl ConfigSnapshot {
    /// The step at a position.
    pub fn step(&self, position: i32) -> Option<&StepDefinition> {
        self.steps.iter().find(|step| step.position == position)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_seed_step_reads_with_its_defaults() {
        let step = json!({
            "position": 4, "name": "Formule", "prompt": "Compare.", "controlPoints": ["Nommée"],
            "severityLevel": "HIGH", "verifyProductInfo": true,
        });
        let config = json!({ "id": "21", "name": "Essentiel", "revision": 3, "steps": [step] });
        let config: ConfigSnapshot = serde_json::from_value(config).unwrap();
        let step = config.step(4).unwrap();
        assert_eq!((step.weight, step.severity), (5, Severity::High));
        assert!(step.verify_product_info && !step.is_critical && step.keywords.is_empty());
        assert_eq!(config.step(1), None);
        let json = serde_json::to_value(&config).unwrap();
        assert_eq!(json["steps"][0]["severityLevel"], "HIGH");
        assert_eq!(json["steps"][0]["chronologicalImportant"], false);
        assert_eq!(json["systemPrompt"], serde_json::Value::Null);
    }
}
