//! `ListTranscripts`: what pages about many fiches show, in one call.

use super::{RpcError, iso};
use crate::app::AppState;
use crate::store::view;
use vigie_contracts::transcription::v1::{
    ListTranscriptsRequest, ListTranscriptsResponse, TranscriptSummary,
};

/// Fiches of one call.
const MOST_FICHES: usize = 5_000;

/// The transcripts of fiches.
pub(super) async fn list_transcripts(
    state: &AppState,
    request: &ListTranscriptsRequest,
) -> Result<ListTranscriptsResponse, RpcError> {
    if request.fiche_ids.len() > MOST_FICHES {
        return Err(RpcError::TooMany);
    }
    let mut conn = state.db.acquire().await?;
    let found = view::transcripts(&mut conn, &request.fiche_ids, request.include_text).await?;
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
