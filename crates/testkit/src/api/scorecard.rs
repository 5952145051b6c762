//! What an audit found, as a person reads it.

use super::text;
use serde_json::Value;

/// The result of an audit.
#[derive(Debug, Clone)]
pub struct Scorecard {
    /// Of the whole audit, for example `ACCEPTABLE`.
    pub niveau: String,
    /// Percentage of the weights.
    pub score: String,
    /// Passed critical steps of all: `3/3`.
    pub critical: String,
    /// Whether something is missing: `complete` or `incomplete`.
    pub completeness: String,
    /// Which engine judged.
    pub engine: String,
    /// In the order of their positions.
    pub steps: Vec<StepLine>,
}

/// One step.
#[derive(Debug, Clone)]
pub struct StepLine {
    /// From 1.
    pub position: i64,
    /// Its name.
    pub name: String,
    /// `CONFORME`, `PARTIEL` or `NON_CONFORME`.
    pub conforme: String,
    /// Points it got.
    pub score: i64,
    /// Points it can get.
    pub weight: i64,
    /// Of the step.
    pub niveau: String,
    /// Its control points.
    pub points: Vec<PointLine>,
}

/// One control point.
#[derive(Debug, Clone)]
pub struct PointLine {
    /// What is asked.
    pub point: String,
    /// What the contract shows.
    pub statut: String,
    /// What is known in truth, for example `UNVERIFIABLE`.
    pub verdict: String,
    /// The proof.
    pub quotes: Vec<Quote>,
}

/// Words of the call.
#[derive(Debug, Clone)]
pub struct Quote {
    /// Verbatim.
    pub text: String,
    /// Who said it.
    pub speaker: String,
    /// When, `MM:SS`.
    pub minute: String,
    /// In which recording, from 0.
    pub recording: i64,
}

impl Scorecard {
    /// Of an audit's detail. Quotes come from the latest view, steps without them from the rows.
    pub(super) fn of(audit: &Value) -> Self {
        let latest = &audit["resultData"]["audit"]["results"]["steps"];
        let mut steps: Vec<StepLine> = items(latest).map(StepLine::of_view).collect();
        for row in items(&audit["stepResults"]) {
            let position = row["stepPosition"].as_i64().unwrap_or_default();
            if steps.iter().all(|step| step.position != position) {
                steps.push(StepLine::of_row(row));
            }
        }
        steps.sort_by_key(|step| step.position);
        let critical = |key: &str| text(&audit[key]);
        Self {
            niveau: text(&audit["niveau"]),
            score: text(&audit["scorePercentage"]),
            critical: format!(
                "{}/{}",
                critical("criticalPassed"),
                critical("criticalTotal")
            ),
            completeness: text(&audit["completeness"]),
            engine: text(&audit["engine"]),
            steps,
        }
    }
}

impl StepLine {
    fn of_view(step: &Value) -> Self {
        let about = &step["step_metadata"];
        Self {
            position: about["position"].as_i64().unwrap_or_default(),
            name: text(&about["name"]),
            conforme: text(&step["conforme"]),
            score: step["score"].as_i64().unwrap_or_default(),
            weight: about["weight"].as_i64().unwrap_or_default(),
            niveau: text(&step["niveau_conformite"]),
            points: items(&step["points_controle"]).map(PointLine::of).collect(),
        }
    }

    fn of_row(row: &Value) -> Self {
        Self {
            position: row["stepPosition"].as_i64().unwrap_or_default(),
            name: text(&row["stepName"]),
            conforme: text(&row["conforme"]),
            score: row["score"].as_i64().unwrap_or_default(),
            weight: row["weight"].as_i64().unwrap_or_default(),
            niveau: text(&row["niveauConformite"]),
            points: Vec::new(),
        }
    }
}

impl PointLine {
    fn of(point: &Value) -> Self {
        Self {
            point: text(&point["point"]),
            statut: text(&point["statut"]),
            verdict: text(&point["verdict"]),
            quotes: items(&point["citations"]).map(Quote::of).collect(),
        }
    }
}

impl Quote {
    fn of(citation: &Value) -> Self {
        Self {
            text: text(&citation["texte"]),
            speaker: text(&citation["speaker"]),
            minute: text(&citation["minutage"]),
            recording: citation["recording_index"].as_i64().unwrap_or_default(),
        }
    }
}

fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_step_without_control_points_is_still_listed() {
        let audit = json!({
            "niveau": "BON", "scorePercentage": "82.5", "criticalPassed": 1, "criticalTotal": 2,
            "resultData": { "audit": { "results": { "steps": [ {
                "conforme": "CONFORME", "score": 8, "niveau_conformite": "BON",
                "step_metadata": { "position": 2, "name": "Budget", "weight": 9 },
                "points_controle": [ { "point": "Budget demandé", "statut": "PRESENT", "citations": [
                    { "texte": "quel budget", "speaker": "speaker_0", "minutage": "03:10" } ] } ]
            } ] } } },
            "stepResults": [
                { "stepPosition": 1, "stepName": "Accueil", "conforme": "PARTIEL", "score": 3, "weight": 10 },
                { "stepPosition": 2, "stepName": "Budget" },
            ],
        });
        let card = Scorecard::of(&audit);
        assert_eq!(card.critical, "1/2");
        let names: Vec<_> = card.steps.iter().map(|step| step.name.as_str()).collect();
        assert_eq!(names, ["Accueil", "Budget"]);
        assert_eq!(card.steps[1].points[0].quotes[0].minute, "03:10");
    }
}
