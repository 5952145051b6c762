//! Configurations and steps as they are sent (`audits.md` 7.2).

use crate::domain::input::{Change, Fields, Issue, Refused};
use serde_json::Value;
use std::collections::HashSet;
use vigie_scorecard::{Severity, StepDefinition};

const WEIGHTS: (i32, i32) = (1, 10);
const DEFAULT_WEIGHT: i32 = 5;

/// A configuration to make.
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields of 7.2, under their names")]
pub struct NewConfig {
    pub name: String,
    pub description: Option<String>,
    pub system_prompt: Option<String>,
    pub is_active: bool,
    pub run_automatically: bool,
    pub created_by: Option<String>,
    pub steps: Vec<StepDefinition>,
}

impl NewConfig {
    /// Reads a body.
    pub fn parse(body: &Value) -> Result<Self, Refused> {
        let mut fields = Fields::of(body);
        let mut config = Self {
            name: fields.required_text("name"),
            description: set(&fields.prose("description", usize::MAX)),
            system_prompt: set(&fields.prose("systemPrompt", usize::MAX)),
            is_active: fields.flag("isActive").unwrap_or(true),
            run_automatically: fields.flag("runAutomatically").unwrap_or(false),
            created_by: set(&fields.prose("createdBy", usize::MAX)),
            steps: Vec::new(),
        };
        let steps = match fields.get("steps") {
            None => &[],
            Some(Value::Array(steps)) => steps.as_slice(),
            Some(_) => {
                fields.refuse("steps", "must be a list");
                &[]
            }
        };
        let mut issues = fields.into_issues();
        let own = issues.len();
        let mut bad = 0;
        for (index, step) in steps.iter().enumerate() {
            let position = i32::try_from(index + 1).unwrap_or(i32::MAX);
            match step_of(step, format!("steps.{index}."), Some(position)) {
                Ok(step) => config.steps.push(step.definition(position)),
                Err(found) => {
                    bad += 1;
                    issues.extend(found);
                }
            }
        }
        let message = match (own, bad) {
            (0, 0) => {
                let positions: HashSet<i32> = config.steps.iter().map(|s| s.position).collect();
                if positions.len() < config.steps.len() {
                    return Err(Refused::plain("Step positions must be unique"));
                }
                return Ok(config);
            }
            (0, bad) => format!("Validation failed for {bad} step(s)"),
            _ => "Invalid create audit config input".to_owned(),
        };
        Err(Refused { message, issues })
    }
}

/// A step to add; without a position it comes last.
#[derive(Debug, Clone)]
pub struct NewStep {
    /// Where it was wanted.
    pub position: Option<i32>,
    step: StepDefinition,
}

impl NewStep {
    /// Reads a body.
    pub fn parse(body: &Value) -> Result<Self, Refused> {
        step_of(body, String::new(), None).map_err(|issues| Refused {
            message: "Invalid create audit step input".to_owned(),
            issues,
        })
    }

    /// The step at this position.
    pub fn definition(self, position: i32) -> StepDefinition {
        let position = self.position.unwrap_or(position);
        StepDefinition {
            position,
            ..self.step
        }
    }
}

fn step_of(body: &Value, prefix: String, place: Option<i32>) -> Result<NewStep, Vec<Issue>> {
    let mut fields = Fields::within(body, prefix);
    let position = fields.number("position", 1, i32::MAX).or(place);
    let step = StepDefinition {
        position: position.unwrap_or_default(),
        name: fields.required_text("name"),
        description: set(&fields.prose("description", usize::MAX)),
        prompt: fields.required_text("prompt"),
        control_points: required(&mut fields, "controlPoints"),
        keywords: fields.texts("keywords", 0).unwrap_or_default(),
        severity: match severity(&mut fields) {
            Some(severity) => severity,
            None if fields.get("severityLevel").is_none() => {
                fields.refuse("severityLevel", "is required");
                Severity::Medium
            }
            None => Severity::Medium,
        },
        is_critical: fields.flag("isCritical").unwrap_or(false),
        weight: fields
            .number("weight", WEIGHTS.0, WEIGHTS.1)
            .unwrap_or(DEFAULT_WEIGHT),
        chronological_important: fields.flag("chronologicalImportant").unwrap_or(false),
        verify_product_info: fields.flag("verifyProductInfo").unwrap_or(false),
    };
    match fields.into_issues() {
        issues if issues.is_empty() => Ok(NewStep { position, step }),
        issues => Err(issues),
    }
}

fn required(fields: &mut Fields<'_>, name: &str) -> Vec<String> {
    if fields.get(name).is_none() {
        fields.refuse(name, "is required");
    }
    fields.texts(name, 1).unwrap_or_default()
}

fn severity(fields: &mut Fields<'_>) -> Option<Severity> {
    let value = fields.get("severityLevel")?;
    let severity = value.as_str().and_then(|text| text.parse().ok());
    if severity.is_none() {
        fields.refuse("severityLevel", "must be LOW, MEDIUM, HIGH or CRITICAL");
    }
    severity
}

fn set(change: &Change<String>) -> Option<String> {
    change.value().cloned()
}

/// Changes of a configuration's own fields.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "the fields of 7.2, under their names")]
pub struct ConfigChange {
    pub name: Option<String>,
    pub description: Change<String>,
    pub system_prompt: Change<String>,
    pub is_active: Option<bool>,
    pub run_automatically: Option<bool>,
}

impl ConfigChange {
    /// Reads a body; `steps` are ignored.
    pub fn parse(body: &Value) -> Result<Self, Refused> {
        let mut fields = Fields::of(body);
        let change = Self {
            name: fields.text("name"),
            description: fields.prose("description", usize::MAX),
            system_prompt: fields.prose("systemPrompt", usize::MAX),
            is_active: fields.flag("isActive"),
            run_automatically: fields.flag("runAutomatically"),
        };
        done(fields, "Invalid update audit config input", change)
    }
}

/// Changes of a step.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "the fields of 7.2, under their names")]
pub struct StepChange {
    pub name: Option<String>,
    pub description: Change<String>,
    pub prompt: Option<String>,
    pub control_points: Option<Vec<String>>,
    pub keywords: Option<Vec<String>>,
    pub severity: Option<Severity>,
    pub is_critical: Option<bool>,
    pub position: Option<i32>,
    pub weight: Option<i32>,
    pub chronological_important: Option<bool>,
    pub verify_product_info: Option<bool>,
}

impl StepChange {
    /// Reads a body.
    pub fn parse(body: &Value) -> Result<Self, Refused> {
        let mut fields = Fields::of(body);
        let change = Self {
            name: fields.text("name"),
            description: fields.prose("description", usize::MAX),
            prompt: fields.text("prompt"),
            control_points: fields.texts("controlPoints", 1),
            keywords: fields.texts("keywords", 0),
            severity: severity(&mut fields),
            is_critical: fields.flag("isCritical"),
            position: fields.number("position", 1, i32::MAX),
            weight: fields.number("weight", WEIGHTS.0, WEIGHTS.1),
            chronological_important: fields.flag("chronologicalImportant"),
            verify_product_info: fields.flag("verifyProductInfo"),
        };
        done(fields, "Invalid update audit step input", change)
    }
}

fn done<T>(fields: Fields<'_>, message: &str, read: T) -> Result<T, Refused> {
    match fields.into_issues() {
        issues if issues.is_empty() => Ok(read),
        issues => Err(Refused {
            message: message.to_owned(),
            issues,
        }),
    }
}

/// The order that `stepIds` asks for, of these steps (in any order): each exactly once.
pub fn order(body: &Value, existing: &[i64]) -> Result<Vec<i64>, Refused> {
    let Some(Value::Array(items)) = body.get("stepIds") else {
        return Err(Refused::plain("stepIds must be an array"));
    };
    let text = |item: &Value| match item {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let mut unknown = Vec::new();
    let mut ids = Vec::with_capacity(items.len());
    for item in items {
        let text = text(item);
        match crate::domain::input::id(&text).filter(|id| existing.contains(id)) {
            Some(id) => ids.push(id),
            None => unknown.push(text),
        }
    }
    if !unknown.is_empty() {
        let list = unknown.join(", ");
        return Err(Refused::plain(format!("Invalid step IDs: {list}")));
    }
    let distinct: HashSet<i64> = ids.iter().copied().collect();
    if distinct.len() != ids.len() || ids.len() != existing.len() {
        return Err(Refused::plain(
            "Step IDs count doesn't match existing steps count",
        ));
    }
    Ok(ids)
}

/// Why a configuration must not be used yet; empty when it may.
pub fn readiness(is_active: bool, steps: &[StepDefinition]) -> Vec<String> {
    let mut errors = Vec::new();
    if !is_active {
        errors.push("Audit config is inactive".to_owned());
    }
    if steps.is_empty() {
        errors.push("Audit config has no steps".to_owned());
    }
    if !steps
        .iter()
        .map(|step| step.position)
        .eq((1..).take(steps.len()))
    {
        errors.push(format!(
            "Step positions must be 1 to {} without gaps",
            steps.len()
        ));
    }
    for step in steps {
        let mut lacks = |what: &str| errors.push(format!("Step {} {what}", step.position));
        if step.name.trim().is_empty() {
            lacks("has no name");
        }
        if step.prompt.trim().is_empty() {
            lacks("has no prompt");
        }
        if step.control_points.is_empty() {
            lacks("has no control points");
        }
        if !(WEIGHTS.0..=WEIGHTS.1).contains(&step.weight) {
            lacks("has a weight outside 1 to 10");
        }
    }
    errors
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn step(position: i32) -> Value {
        json!({"name": "Accueil", "prompt": "p", "controlPoints": ["a"], "severityLevel": "HIGH",
            "position": position})
    }

    #[test]
    fn defaults_are_those_of_the_contract() {
        let body = json!({"name": "A", "steps": [step(1), step(2)]});
        let config = NewConfig::parse(&body).unwrap();
        assert!(config.is_active && !config.run_automatically);
        assert_eq!((config.steps[1].position, config.steps[1].weight), (2, 5));
        assert!(config.steps[0].keywords.is_empty() && !config.steps[0].is_critical);
    }

    #[test]
    fn a_refusal_is_called_by_what_is_wrong() {
        let refused = |body| NewConfig::parse(&body).unwrap_err();
        let own = refused(json!({"name": "", "isActive": 1, "steps": [{}]}));
        assert_eq!(own.message, "Invalid create audit config input");
        assert!(
            own.issues
                .iter()
                .any(|issue| issue.path == "steps.0.prompt")
        );
        let mut bad = step(1);
        bad["weight"] = json!(11);
        bad["controlPoints"] = json!([]);
        bad["severityLevel"] = json!("HUGE");
        let steps = refused(json!({"name": "A", "steps": [bad, step(0), step(3)]}));
        assert_eq!(steps.message, "Validation failed for 2 step(s)");
        assert_eq!(steps.issues.len(), 4);
        let twice = refused(json!({"name": "A", "steps": [step(1), step(1)]}));
        assert_eq!(twice.message, "Step positions must be unique");
    }

    #[test]
    fn an_order_names_each_step_once() {
        let refused = |ids: Value| {
            order(&json!({"stepIds": ids}), &[1, 2])
                .unwrap_err()
                .message
        };
        assert_eq!(
            order(&json!({"stepIds": ["2", "1"]}), &[1, 2]).unwrap(),
            [2, 1]
        );
        assert_eq!(refused(json!("1")), "stepIds must be an array");
        assert_eq!(refused(json!(["1", "9", "x"])), "Invalid step IDs: 9, x");
        let count = "Step IDs count doesn't match existing steps count";
        assert_eq!(refused(json!(["1"])), count);
        assert_eq!(refused(json!(["1", "1"])), count);
    }

    #[test]
    fn readiness_tells_everything_at_once() {
        assert_eq!(readiness(false, &[]).len(), 2);
        let body = json!({"name": "A", "steps": [step(1), step(3)]});
        let mut steps = NewConfig::parse(&body).unwrap().steps;
        steps[0].weight = 25;
        assert_eq!(readiness(true, &steps).len(), 2);
        steps[0].weight = 10;
        steps[1].position = 2;
        assert!(readiness(true, &steps).is_empty());
    }
}
