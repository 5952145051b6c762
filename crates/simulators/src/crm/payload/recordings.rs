use serde_json::{Value, json};

use super::super::seed::{Fiche, Recording};

/// The recordings, newest first.
pub(super) fn section(fiche: &Fiche, origin: &str) -> Vec<Value> {
    let newest_first = fiche.recordings.iter().rev();
    newest_first.map(|one| recording(one, origin)).collect()
}

fn recording(one: &Recording, origin: &str) -> Value {
    let query = if one.signed { "?sig=9f3b6c0d" } else { "" };
    json!({
        "call_id": one.call_id,
        "start_time": one.start.format("%Y-%m-%dT%H:%M:%S.120000+00:00").to_string(),
        "duration_seconds": one.duration_seconds,
        "direction": if one.inbound { "in" } else { "out" },
        "from_number": one.from,
        "to_number": one.to,
        "answered": one.slug != "messagerie",
        "recording_url": format!("{origin}/records/{}{query}", one.file),
    })
}
