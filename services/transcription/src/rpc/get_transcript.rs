//! `GetTranscript` (A10.4): the transcript of one recording.

use super::{RpcError, chunk};
use crate::app::AppState;
use crate::domain::transcript::unpack;
use crate::store::view;
use vigie_contracts::transcription::v1::{
    GetTranscriptRequest, GetTranscriptResponse, TranscriptText, Word,
};
use vigie_events::ids::FicheId;

/// Language of transcripts that tell none.
const LANGUAGE: &str = "fr";

/// One transcript, with its chunks and, when asked, its words.
pub(super) async fn get_transcript(
    state: &AppState,
    fiche: &FicheId,
    request: &GetTranscriptRequest,
) -> Result<GetTranscriptResponse, RpcError> {
    let recordings = state.fiches.recordings(fiche).await?;
    let recording = recordings
        .into_iter()
        .flatten()
        .find(|it| it.call_id == request.call_id)
        .ok_or(RpcError::UnknownRecording)?;
    let mut conn = state.db.acquire().await?;
    let transcript = view::transcripts(&mut conn, &[fiche.to_string()], true)
        .await?
        .into_iter()
        .find(|it| it.call_id == request.call_id)
        .ok_or(RpcError::NotTranscribed)?;
    let mut chunks = view::chunks(&mut conn, &[transcript.id]).await?;
    let words = if request.include_words {
        view::words(&mut conn, transcript.id).await?
    } else {
        None
    };
    drop(conn);
    let words = words.as_deref().map(unpack).transpose()?;
    let words = words.into_iter().flatten().map(|word| Word {
        text: word.text,
        start: word.start,
        end: word.end,
        r#type: word.kind,
        speaker_id: word.speaker_id,
    });
    Ok(GetTranscriptResponse {
        call_id: recording.call_id,
        recording_url: recording.recording_url,
        duration_seconds: recording.duration_seconds,
        transcription_id: Some(transcript.transcription_id),
        has_transcription: true,
        transcription: Some(TranscriptText {
            text: transcript.text.unwrap_or_default(),
            language_code: Some(
                transcript
                    .language_code
                    .unwrap_or_else(|| LANGUAGE.to_owned()),
            ),
            language_probability: transcript.language_probability,
            words: words.collect(),
            diarization: transcript.diarization,
        }),
        chunks: chunks
            .remove(&transcript.id)
            .unwrap_or_default()
            .into_iter()
            .map(chunk)
            .collect(),
    })
}
