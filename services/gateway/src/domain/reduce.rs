//! Payloads that are too large for Pusher (`events-and-config.md` E1).

use serde_json::{Map, Value};

/// What is left of a payload that is too large: what identifies, and what counts.
const KEPT: [&str; 62] = [
    "audit_id",
    "audit_db_id",
    "audit_config_id",
    "fiche_id",
    "event_id",
    "batch_id",
    "job_id",
    "jobId",
    "rerun_id",
    "rerun_scope",
    "step_position",
    "step_name",
    "control_point_index",
    "schedule_id",
    "run_id",
    "status",
    "progress",
    "current_phase",
    "progress_percentage",
    "completed_steps",
    "total_steps",
    "failed_steps",
    "completedSteps",
    "totalSteps",
    "failedSteps",
    "completedDays",
    "totalDays",
    "totalFiches",
    "sequence",
    "phase",
    "reason",
    "call_id",
    // The counters of E4.
    "groupes_count",
    "maxFiches",
    "maxRecordingsPerFiche",
    "total_fiches",
    "total_dates",
    "days_processed",
    "days_total",
    "successful",
    "audits",
    "successful_fiches",
    "failed_fiches",
    "ignored_fiches",
    "transcriptions_run",
    "audits_run",
    "audits_failed",
    "duration_ms",
    "total",
    "selected",
    "fetched",
    "transcribed",
    "auditing",
    "done",
    "failed",
    "ignored",
    "cancelled",
    "audits_done",
    "audits_total",
    "counters",
    "due_at",
    "mode",
];

/// Lists of which the length is left.
const COUNTED: [(&str, &str); 3] = [
    ("datesCompleted", "datesCompletedCount"),
    ("datesRemaining", "datesRemainingCount"),
    ("datesFailed", "datesFailedCount"),
];

const TRUNCATED: &str = "truncated";

/// The payload as text of at most `max_bytes`, and whether something was left out.
pub fn fit(payload: &[u8], max_bytes: usize) -> (String, bool) {
    let text = String::from_utf8_lossy(payload);
    if text.len() <= max_bytes {
        return (text.into_owned(), false);
    }
    let kept = match serde_json::from_str(&text) {
        Ok(Value::Object(whole)) => kept(&whole),
        Ok(_) | Err(_) => Map::new(),
    };
    let reduced = truncated(kept);
    if reduced.len() <= max_bytes {
        (reduced, true)
    } else {
        (truncated(Map::new()), true)
    }
}

fn kept(whole: &Map<String, Value>) -> Map<String, Value> {
    let mut kept: Map<_, _> = KEPT
        .into_iter()
        .filter_map(|key| Some((key.to_owned(), whole.get(key)?.clone())))
        .collect();
    for (list, count) in COUNTED {
        if let Some(Value::Array(items)) = whole.get(list) {
            kept.insert(count.to_owned(), items.len().into());
        }
    }
    kept
}

fn truncated(mut payload: Map<String, Value>) -> String {
    payload.insert(TRUNCATED.to_owned(), true.into());
    Value::Object(payload).to_string()
}

#[cfg(test)]
mod tests {
    use super::fit;
    use serde_json::{Value, json};

    fn fitted(payload: &Value, max: usize) -> (Value, bool) {
        let (text, reduced) = fit(payload.to_string().as_bytes(), max);
        assert!(text.len() <= max.max(20));
        (serde_json::from_str(&text).unwrap(), reduced)
    }

    #[test]
    fn what_fits_is_left_alone() {
        let payload = json!({"audit_id": "9", "comparison": "é".repeat(100)});
        let bytes = payload.to_string().len();
        assert_eq!(fitted(&payload, bytes), (payload.clone(), false));
        // Bytes, not characters.
        assert!(fitted(&payload, bytes - 1).1);
    }

    #[test]
    fn ids_and_counters_are_left_of_what_does_not() {
        let payload = json!({"jobId": "j", "sequence": 7, "datesCompleted": ["2026-01-05"],
            "datesFailed": [], "counters": {"done": 1}, "comparison": "x".repeat(2_000)});
        let expected = json!({"jobId": "j", "sequence": 7, "datesCompletedCount": 1,
            "datesFailedCount": 0, "counters": {"done": 1}, "truncated": true});
        assert_eq!(fitted(&payload, 1_000), (expected, true));
    }

    #[test]
    fn when_even_that_is_too_much_nothing_is_left() {
        let payload = json!({"step_name": "x".repeat(2_000)});
        assert_eq!(fitted(&payload, 1_000), (json!({"truncated": true}), true));
        let list = json!(["x".repeat(2_000)]);
        assert_eq!(fitted(&list, 1_000), (json!({"truncated": true}), true));
    }
}
