//! What an audit's steps are judged by, read once from the orchestrator and kept in memory.

use crate::domain::judgement::Transcript;
use flate2::read::DeflateDecoder;
use moka::future::Cache;
use std::io::Read;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tonic::Status;
use vigie_contracts::audit::v1 as pb;
use vigie_contracts::audit::v1::audit_service_client::AuditServiceClient;
use vigie_contracts::audit::v1::review_service_client::ReviewServiceClient;
use vigie_events::audit::StepAnalyze;
use vigie_events::ids::AuditId;
use vigie_scorecard::{ConfigSnapshot, Timeline};
use vigie_service::InternalChannel;
use vigie_service::grpc::MAX_MESSAGE_BYTES;

/// Bytes of text kept with audits, and as much with transcripts, which several audits of a fiche
/// share: a dozen calls of an hour or hundreds of short ones. Prepared, a text takes some thirty times
/// as much.
const TEXT_KEPT: u64 = 1024 * 1024;
/// What the smallest counts for: its configuration has a size, too.
const LEAST_KEPT: u32 = 4 * 1024;
/// Largest timeline accepted once inflated: a day of speech is about 2 MiB.
const LARGEST_TIMELINE: u64 = 64 * 1024 * 1024;

/// The context could not be had.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ContextError {
    /// The orchestrator did not answer.
    #[error("audit context unavailable: {0}")]
    Unavailable(String),
    /// The audit is gone or has no context any more.
    #[error("audit context not found")]
    NotFound,
    /// What it answered cannot be read: it will not improve.
    #[error("audit context is malformed: {0}")]
    Malformed(&'static str),
}

/// What one audit is judged by.
#[derive(Debug)]
pub struct AuditContext {
    /// The frozen configuration.
    pub config: ConfigSnapshot,
    /// The frozen transcript.
    pub transcript: Arc<Transcript>,
    /// Positions that were stored when this was read.
    pub stored_positions: Vec<i32>,
    /// When that was.
    pub read_at: Instant,
}

/// Whether a step may be paid for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// By the one who asked.
    Mine,
    /// Another one is at it, for at least this long.
    Held(Duration),
    /// Nobody waits for it.
    Unwanted,
}

/// Reads contexts and keeps them.
#[derive(Clone)]
pub struct Contexts {
    client: AuditServiceClient<InternalChannel>,
    reviews: ReviewServiceClient<InternalChannel>,
    audits: Cache<AuditId, Arc<AuditContext>>,
    transcripts: Cache<String, Arc<Transcript>>,
}

impl Contexts {
    /// Contexts of this orchestrator, kept for `ttl`.
    pub fn new(channel: InternalChannel, ttl: Duration) -> Self {
        Self {
            reviews: ReviewServiceClient::new(channel.clone()),
            client: AuditServiceClient::new(channel).max_decoding_message_size(MAX_MESSAGE_BYTES),
            audits: Cache::builder()
                .weigher(|_, audit: &Arc<AuditContext>| weight(&audit.transcript))
                .max_capacity(TEXT_KEPT)
                .time_to_live(ttl)
                .build(),
            transcripts: Cache::builder()
                .weigher(|_, transcript: &Arc<Transcript>| weight(transcript))
                .max_capacity(TEXT_KEPT)
                .time_to_live(ttl)
                .build(),
        }
    }

    /// The context of an audit; parallel steps of one audit read it once.
    pub async fn of(&self, audit: AuditId) -> Result<Arc<AuditContext>, ContextError> {
        let read = self.audits.try_get_with(audit, self.read(audit));
        read.await.map_err(|error| ContextError::clone(&error))
    }

    /// Whether the orchestrator still waits for this step.
    pub async fn wanted(&self, step: &StepAnalyze) -> Result<bool, ContextError> {
        Ok(self.state(step, None).await?.wanted)
    }

    /// Takes the lease of a step before it is paid for, or renews it.
    pub async fn claim(&self, step: &StepAnalyze, holder: &str) -> Result<Claim, ContextError> {
        let state = self.state(step, Some(holder.to_owned())).await?;
        Ok(match u64::try_from(state.held_for_ms) {
            _ if !state.wanted => Claim::Unwanted,
            Ok(held @ 1..) => Claim::Held(Duration::from_millis(held)),
            _ => Claim::Mine,
        })
    }

    /// What a re-run tells the model beside its step.
    pub async fn guidance(&self, rerun_id: &str) -> Result<String, ContextError> {
        Ok(self.rerun(rerun_id, None).await?.guidance)
    }

    async fn rerun(
        &self,
        rerun_id: &str,
        holder: Option<String>,
    ) -> Result<pb::GetRerunResponse, ContextError> {
        let request = pb::GetRerunRequest {
            rerun_id: rerun_id.to_owned(),
            holder,
        };
        let rerun = self.reviews.clone().get_rerun(request).await;
        Ok(rerun.map_err(|error| refusal(&error))?.into_inner())
    }

    async fn state(
        &self,
        step: &StepAnalyze,
        holder: Option<String>,
    ) -> Result<pb::GetStepStateResponse, ContextError> {
        if let Some(rerun) = &step.rerun {
            let rerun = self.rerun(&rerun.rerun_id, holder).await?;
            return Ok(pb::GetStepStateResponse {
                wanted: rerun.wanted,
                held_for_ms: rerun.held_for_ms,
            });
        }
        let request = pb::GetStepStateRequest {
            audit_id: step.audit_db_id.to_string(),
            step_position: step.step_position,
            holder,
        };
        let state = self.client.clone().get_step_state(request).await;
        Ok(state.map_err(|error| refusal(&error))?.into_inner())
    }

    async fn read(&self, audit: AuditId) -> Result<Arc<AuditContext>, ContextError> {
        let request = pb::GetAuditContextRequest {
            audit_id: audit.to_string(),
        };
        let answer = self.client.clone().get_audit_context(request).await;
        let answer = answer.map_err(|error| refusal(&error))?.into_inner();
        let config = serde_json::from_str(&answer.config_json)
            .map_err(|_| ContextError::Malformed("config"))?;
        let hash = answer.transcript_hash;
        let transcript = async { inflate(&answer.timeline, hash.clone()).map(Arc::new) };
        let transcript = self
            .transcripts
            .try_get_with(hash.clone(), transcript)
            .await;
        Ok(Arc::new(AuditContext {
            config,
            transcript: transcript.map_err(|error| ContextError::clone(&error))?,
            stored_positions: answer.stored_positions,
            read_at: Instant::now(),
        }))
    }
}

fn weight(transcript: &Transcript) -> u32 {
    let chunks = transcript.timeline.chunks();
    let text: usize = chunks.map(|(_, chunk)| chunk.full_text.len()).sum();
    u32::try_from(text).unwrap_or(u32::MAX).max(LEAST_KEPT)
}

fn refusal(status: &Status) -> ContextError {
    match status.code() {
        tonic::Code::NotFound => ContextError::NotFound,
        code => ContextError::Unavailable(code.to_string()),
    }
}

fn inflate(deflated: &[u8], hash: String) -> Result<Transcript, ContextError> {
    let mut json = Vec::new();
    let mut reader = DeflateDecoder::new(deflated).take(LARGEST_TIMELINE);
    reader
        .read_to_end(&mut json)
        .map_err(|_| ContextError::Malformed("timeline"))?;
    let timeline: Timeline =
        serde_json::from_slice(&json).map_err(|_| ContextError::Malformed("timeline"))?;
    Ok(Transcript::new(timeline, hash))
}
