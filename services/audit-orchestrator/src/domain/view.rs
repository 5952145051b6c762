//! The latest view: the stored snapshot with its steps rebuilt from the tables (`audits.md` 8.4).

use serde_json::{Value, json};
use vigie_scorecard::{Citation, ControlPoint, StepResult};

/// A stored step with its points and citations.
#[derive(Debug, Clone)]
pub struct ViewedStep {
    /// Position.
    pub position: i32,
    /// The step in the shape of 8.4.
    pub result: StepResult,
    /// What people decided and analysed again.
    pub trails: Trails,
}

/// The trails of a step, oldest first, in the shapes of 8.4.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Trails {
    /// Decisions.
    pub human_review: Vec<Value>,
    /// Re-runs that gave a result.
    pub rerun_history: Vec<Value>,
}

/// A step with its trails, each only where it has entries.
fn item(step: &ViewedStep) -> serde_json::Result<Value> {
    let mut item = serde_json::to_value(&step.result)?;
    let trails = [
        ("human_review", &step.trails.human_review),
        ("rerun_history", &step.trails.rerun_history),
    ];
    for (name, entries) in trails {
        if !entries.is_empty() {
            item[name] = json!(entries);
        }
    }
    Ok(item)
}

/// Puts the steps into the snapshot. A snapshot without results (running, failed) stays as it is;
/// a step without control points is left out.
pub fn latest(mut snapshot: Value, steps: &[ViewedStep]) -> serde_json::Result<Value> {
    let Some(results) = snapshot
        .pointer_mut("/audit/results")
        .and_then(Value::as_object_mut)
    else {
        return Ok(snapshot);
    };
    let shown = steps
        .iter()
        .filter(|step| !step.result.points_controle.is_empty());
    let shown: Result<Vec<Value>, _> = shown.map(item).collect();
    results.insert("steps".to_owned(), json!(shown?));
    Ok(snapshot)
}

/// Hangs points and citations, each sorted as stored, on their steps.
pub fn assemble(
    mut steps: Vec<ViewedStep>,
    points: Vec<(i32, i32, ControlPoint)>,
    citations: Vec<(i32, i32, Citation)>,
) -> Vec<ViewedStep> {
    let mut citations = citations.into_iter().peekable();
    let mut points = points.into_iter().peekable();
    for step in &mut steps {
        while let Some((_, index, mut point)) =
            points.next_if(|(position, ..)| *position == step.position)
        {
            let here = (step.position, index);
            while let Some((.., citation)) = citations.next_if(|c| (c.0, c.1) == here) {
                point.citations.push(citation);
            }
            step.result.points_controle.push(point);
        }
    }
    steps
}
