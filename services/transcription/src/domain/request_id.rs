//! The ids under which runs ask for a refresh, and back.

use uuid::Uuid;

/// The run that a fact about a fetch answers; `None` when somebody else asked.
pub fn run_of_fetch(request_id: &str) -> Option<Uuid> {
    let rest = request_id.strip_prefix("transcription-")?;
    let (id, rest) = rest.split_once("-fetch")?;
    let again = rest.is_empty()
        || rest
            .strip_prefix("-again-")
            .is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()));
    if again { id.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vigie_events::Lane;
    use vigie_events::fiche::FicheFetch;

    #[test]
    fn an_answer_is_matched_to_its_run() {
        let run = Uuid::from_u128(7);
        let ask = FicheFetch::for_transcription(run, "44".parse().unwrap(), Lane::Bulk);
        assert_eq!(run_of_fetch(ask.id.as_str()), Some(run));
        assert_eq!(run_of_fetch(ask.id.again(2).as_str()), Some(run));
        for foreign in [
            "audit-9-fetch",
            "transcription-x-fetch",
            "automation-1-fetch-44",
            &format!("{}-again-", ask.id),
            &format!("{}x", ask.id),
        ] {
            assert_eq!(run_of_fetch(foreign), None, "{foreign}");
        }
    }
}
