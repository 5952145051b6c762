//! `ListTranscripts`: what pages about many fiches show, in one call.

use super::{RpcError, iso};
use crate::app::AppState;
use crate::store::view;
use futures::future::try_join_all;
use tonic::Status;
use vigie_contracts::transcription::v1::{
    ListTranscriptsRequest, ListTranscriptsResponse, TranscriptSummary,
};
use vigie_events::ids::FicheId;
use vigie_identity::{Caller, FicheScope, Guard};

/// Fiches of one call.
const MOST_FICHES: usize = 5_000;

/// Permissions of the pages that show transcripts beside fiches and recordings.
const PAGES: [(&str, Guard); 2] = [
    ("fiches", Guard::parse("fiches.read")),
    ("recordings", Guard::parse("recordings.read")),
];

/// What the caller may see on such pages.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Pages {
    /// Every fiche.
    All,
    /// Those in the scope of one of these permissions.
    Scoped(Vec<&'static str>),
}

impl Pages {
    /// By the caller's own grants; without one of them, refused.
    pub fn of(caller: &Caller) -> Result<Self, Status> {
        let mut held: Vec<(&str, FicheScope)> = Vec::new();
        let mut refusal = None;
        for (name, guard) in PAGES {
            match caller.require(guard) {
                Ok(scope) if scope.all() => return Ok(Self::All),
                // The same scope shows the same fiches.
                Ok(scope) if held.iter().any(|(_, known)| *known == scope) => {}
                Ok(scope) => held.push((name, scope)),
                Err(status) => refusal = refusal.or(Some(status)),
            }
        }
        match refusal {
            Some(status) if held.is_empty() => Err(status),
            _ => Ok(Self::Scoped(held.into_iter().map(|(it, _)| it).collect())),
        }
    }

    /// Those of these fiches that are on them.
    async fn show(
        &self,
        state: &AppState,
        caller: &Caller,
        asked: Vec<String>,
    ) -> Result<Vec<String>, RpcError> {
        let Self::Scoped(permissions) = self else {
            return Ok(asked);
        };
        // What is no id is the id of nothing.
        let fiches: Vec<FicheId> = asked.iter().filter_map(|id| id.parse().ok()).collect();
        if fiches.is_empty() {
            return Ok(Vec::new());
        }
        let questions = permissions
            .iter()
            .map(|permission| state.fiches.readable(caller, &fiches, permission));
        let mut seen = try_join_all(questions).await?.concat();
        seen.sort_unstable();
        seen.dedup();
        Ok(seen)
    }
}

/// The transcripts of fiches in the caller's scope.
pub(super) async fn list_transcripts(
    state: &AppState,
    caller: &Caller,
    pages: &Pages,
    request: ListTranscriptsRequest,
) -> Result<ListTranscriptsResponse, RpcError> {
    if request.fiche_ids.len() > MOST_FICHES {
        return Err(RpcError::TooMany);
    }
    let fiches = pages.show(state, caller, request.fiche_ids).await?;
    let mut conn = state.db.acquire().await?;
    let found = view::transcripts(&mut conn, &fiches, request.include_text).await?;
    Ok(ListTranscriptsResponse {
        transcripts: found
            .into_iter()
            .map(|it| TranscriptSummary {
                fiche_id: it.fiche_id,
                call_id: it.call_id,
                transcription_id: Some(it.transcription_id),
                transcription_text: it.text,
                transcription_language_code: it.language_code,
                transcription_language_probability: it.language_probability,
                transcribed_at: iso(it.transcribed_at),
            })
            .collect(),
    })
}
