//! What requests can end in.

use crate::domain::transcript::WordsError;
use crate::neighbours::NeighbourError;
use crate::workflow::WorkflowError;
use vigie_events::ids::FicheId;
use vigie_service::{Detail, ErrorCode, ServiceError};

/// Why a request failed.
#[derive(Debug, thiserror::Error)]
pub enum RpcError {
    /// Not an id.
    #[error("Invalid fiche_id")]
    InvalidFiche,
    /// Not so many ids.
    #[error("Invalid request - fiche_ids must hold 1 to 500 ids of digits")]
    InvalidFiches,
    /// Not a date with a time.
    #[error("Invalid {0} (expected ISO 8601 date-time)")]
    InvalidMoment(&'static str),
    /// No such batch, or not the caller's.
    #[error("Batch not found")]
    UnknownBatch,
    /// None of the three.
    #[error("Invalid priority (expected high, normal or low)")]
    InvalidPriority,
    /// Too long.
    #[error("Invalid Idempotency-Key (at most 200 characters)")]
    InvalidKey,
    /// More fiches than one call shows.
    #[error("Too many fiches")]
    TooMany,
    /// Out of the caller's scope, or not cached.
    #[error("Forbidden")]
    Forbidden,
    /// Not cached.
    #[error("Fiche {0} not found in cache")]
    UnknownFiche(FicheId),
    /// The fiche has no such recording.
    #[error("Recording not found")]
    UnknownRecording,
    /// It is not transcribed.
    #[error("No transcription available for this recording")]
    NotTranscribed,
    /// There is no provider.
    #[error("ElevenLabs API key not configured (set ELEVENLABS_API_KEY)")]
    NotConfigured,
    /// The fiche cache did not answer.
    #[error("Service unavailable")]
    Neighbour(#[from] NeighbourError),
    /// Internal.
    #[error(transparent)]
    Workflow(#[from] WorkflowError),
    /// Internal.
    #[error(transparent)]
    Words(#[from] WordsError),
    /// Internal.
    #[error(transparent)]
    Store(#[from] sqlx::Error),
}

impl ServiceError for RpcError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::InvalidFiche
            | Self::InvalidFiches
            | Self::InvalidMoment(_)
            | Self::InvalidPriority
            | Self::InvalidKey
            | Self::TooMany => ErrorCode::Validation,
            Self::Forbidden => ErrorCode::Authorization,
            Self::UnknownFiche(_)
            | Self::UnknownRecording
            | Self::UnknownBatch
            | Self::NotTranscribed => ErrorCode::NotFound,
            Self::NotConfigured | Self::Neighbour(_) => ErrorCode::Unavailable,
            Self::Workflow(_) | Self::Words(_) | Self::Store(_) => ErrorCode::Internal,
        }
    }

    fn details(&self) -> Vec<Detail> {
        let path = match self {
            Self::InvalidPriority => "priority",
            Self::InvalidFiches => "fiche_ids",
            Self::InvalidMoment(name) => name,
            _ => return Vec::new(),
        };
        vec![Detail {
            path: path.to_owned(),
            code: "invalid_value".to_owned(),
            message: self.to_string(),
        }]
    }
}
