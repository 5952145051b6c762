//! `GetFicheTranscripts`: what a timeline is built of.

use super::{RpcError, chunk};
use crate::app::AppState;
use crate::store::view;
use vigie_contracts::transcription::v1::{
    FicheTranscript, GetFicheTranscriptsRequest, GetFicheTranscriptsResponse,
};

/// Transcripts and chunks of a fiche.
pub(super) async fn get_fiche_transcripts(
    state: &AppState,
    request: GetFicheTranscriptsRequest,
) -> Result<GetFicheTranscriptsResponse, RpcError> {
    let mut conn = state.db.acquire().await?;
    let found = view::transcripts(&mut conn, &[request.fiche_id], true).await?;
    let ids: Vec<i64> = found.iter().map(|it| it.id).collect();
    let mut chunks = view::chunks(&mut conn, &ids).await?;
    let transcripts = found.into_iter().map(|it| {
        let chunks: Vec<_> = chunks
            .remove(&it.id)
            .unwrap_or_default()
            .into_iter()
            .map(chunk)
            .collect();
        FicheTranscript {
            call_id: it.call_id,
            text: it.text.filter(|_| chunks.is_empty()),
            chunks,
            diarization: it.diarization,
        }
    });
    Ok(GetFicheTranscriptsResponse {
        transcripts: transcripts.collect(),
    })
}
