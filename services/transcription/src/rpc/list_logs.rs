//! `ListLogs` (A10.5): what happened to a fiche.

use super::{RpcError, iso};
use crate::app::AppState;
use crate::store::log::{self, Entry, Filter};
use chrono::{DateTime, NaiveDateTime, Utc};
use vigie_contracts::transcription::v1::{ListLogsRequest, ListLogsResponse, LogEntry};
use vigie_events::ids::FicheId;

/// Lines of one page.
const MOST_LINES: i32 = 1000;

/// Lines of a fiche, oldest first.
pub(super) async fn list_logs(
    state: &AppState,
    fiche: &FicheId,
    request: ListLogsRequest,
) -> Result<ListLogsResponse, RpcError> {
    let filter = Filter {
        run_id: request.run_id,
        level: request.level,
        since: moment("since", request.since.as_deref())?,
        until: moment("until", request.until.as_deref())?,
        limit: request.limit.clamp(1, MOST_LINES).into(),
        offset: request.offset.max(0).into(),
    };
    let mut conn = state.db.acquire().await?;
    let found = log::list(&mut conn, fiche, &filter).await?;
    Ok(ListLogsResponse {
        logs: found.into_iter().map(|it| entry(fiche, it)).collect(),
    })
}

/// A date and a time; without an offset it is UTC.
fn moment(name: &'static str, text: Option<&str>) -> Result<Option<DateTime<Utc>>, RpcError> {
    let Some(text) = text else { return Ok(None) };
    if let Ok(moment) = DateTime::parse_from_rfc3339(text) {
        return Ok(Some(moment.to_utc()));
    }
    NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f")
        .map(|moment| Some(moment.and_utc()))
        .map_err(|_| RpcError::InvalidMoment(name))
}

fn entry(fiche: &FicheId, entry: Entry) -> LogEntry {
    LogEntry {
        id: entry.id.to_string(),
        workflow: "transcription".to_owned(),
        level: entry.level,
        entity_type: Some("fiche".to_owned()),
        entity_id: Some(fiche.to_string()),
        trace_id: entry.trace_id,
        event_id: entry.event_id,
        function_id: entry.function_id,
        step_name: entry.step_name,
        message: entry.message,
        data_json: entry.data.to_string(),
        created_at: iso(entry.created_at),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_dates_with_a_time() {
        let read = |text| moment("since", Some(text)).map(|it| it.map(iso));
        let expected = Some("2031-04-02T07:14:02.118Z".to_owned());
        for text in [
            "2031-04-02T07:14:02.118Z",
            "2031-04-02T09:14:02.118+02:00",
            "2031-04-02T07:14:02.118",
        ] {
            assert_eq!(read(text).unwrap(), expected, "{text}");
        }
        for text in [
            "2031-04-02",
            "",
            "yesterday",
            "2031-13-02T07:14:02Z",
            "02/04/2031",
        ] {
            let error = read(text).unwrap_err();
            let told = "Invalid since (expected ISO 8601 date-time)";
            assert_eq!(error.to_string(), told, "{text}");
        }
        assert!(moment("until", None).unwrap().is_none());
    }
}
