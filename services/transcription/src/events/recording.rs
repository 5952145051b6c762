//! `transcription/recording.transcribe`: one recording, from its claim to its stored transcript.
//!
//! The transcript is stored as soon as it is there, in a transaction of its own: whatever happens
//! afterwards, the next worker finds it and asks nobody. Settling item and run follows in the
//! transaction of the inbox.

use crate::app::AppState;
use crate::domain::run::Run;
use crate::domain::transcript::NewTranscript;
use crate::speech::Turn;
use crate::store::call::SpeechCall;
use crate::store::transcript::Made;
use crate::store::{self, item};
use crate::workflow::{Settlement, Stale, WorkflowError};
use sqlx::PgConnection;
use std::time::Duration;
use tokio::time::Instant;
use uuid::Uuid;
use vigie_bus::{Delivery, Failure, Worker};
use vigie_contracts::fiche::v1::Recording;
use vigie_events::Lane;
use vigie_events::ids::{CallId, FicheId};
use vigie_events::transcription::RecordingTranscribe;
use vigie_upstream::speech::{Downloaded, SpeechError, SpeechErrorClass, Transcript};

/// A lease is renewed three times in this time: what a killed worker costs.
const HEARTBEAT_LEASE: Duration = Duration::from_secs(45);
/// Longest wait between tries inside one delivery; longer ones leave the queue.
const SHORT_WAIT: Duration = Duration::from_secs(30);
/// When to look again at a recording whose fiche is busy.
const BUSY: Duration = Duration::from_secs(2);
/// Tries to store what is paid for, before the work is begun again.
const SAVE_TRIES: u32 = 6;

/// The worker.
pub struct TranscribeRecording {
    state: AppState,
}

/// A recording that this worker has.
#[derive(Debug, Clone)]
struct Job {
    run_id: Uuid,
    fiche: FicheId,
    call: CallId,
    lane: Lane,
    force: bool,
    lease_no: i32,
}

enum Claim {
    /// Nothing is left to do.
    Settled,
    /// Somebody is at it, or at too many of its fiche.
    Busy(Duration),
    /// The transcript is there.
    Stored(Settlement),
    /// To be done.
    Mine(Job),
}

/// Why a recording waits.
#[derive(Debug, thiserror::Error)]
enum Waiting {
    #[error("the recording, or its fiche, is busy")]
    Busy,
    #[error("the provider's rate is used up")]
    Rate,
    #[error("the lease of the recording is lost")]
    LeaseLost,
}

impl TranscribeRecording {
    /// With these parts.
    pub const fn new(state: AppState) -> Self {
        Self { state }
    }

    fn lease(&self) -> Duration {
        HEARTBEAT_LEASE.min(self.state.workflow.settings().item_lease)
    }

    async fn claim(&self, body: &RecordingTranscribe) -> Result<Claim, WorkflowError> {
        let mut tx = self.state.db.begin().await?;
        let claim = self.claim_in(&mut tx, body).await?;
        tx.commit().await?;
        Ok(claim)
    }

    async fn claim_in(
        &self,
        tx: &mut PgConnection,
        body: &RecordingTranscribe,
    ) -> Result<Claim, WorkflowError> {
        let run = store::run::lock(tx, body.run_id).await?;
        let Some(run) = run.filter(|run| run.state.is_open()) else {
            return Ok(Claim::Settled);
        };
        let item = item::lock(tx, run.run_id, &body.call_id).await?;
        let Some(item) = item.filter(|item| item.open) else {
            return Ok(Claim::Settled);
        };
        if let Some(left) = item.lease_left.filter(|left| *left > 0.0) {
            let left = Duration::try_from_secs_f64(left).unwrap_or(BUSY);
            return Ok(Claim::Busy(left + Duration::from_secs(1)));
        }
        if let Some(stored) = stored(tx, &run, &item.call_id).await? {
            return Ok(Claim::Stored(stored));
        }
        if item::active(tx, run.run_id).await? >= self.state.workflow.settings().per_fiche {
            return Ok(Claim::Busy(BUSY));
        }
        let doubted = store::call::doubt(tx, run.run_id, &item.call_id).await?;
        if doubted > 0 {
            metrics::counter!("vigie_speech_calls_in_doubt_total").increment(doubted);
        }
        let lease_no = item::claim(tx, run.run_id, &item.call_id, self.lease()).await?;
        let job = Job {
            run_id: run.run_id,
            fiche: run.fiche.clone(),
            call: item.call_id.clone(),
            lane: run.lane,
            force: run.force,
            lease_no,
        };
        if item.attempts == 0 && item.lease_no == 0 {
            self.state
                .workflow
                .recording_started(tx, run, &item)
                .await?;
        }
        Ok(Claim::Mine(job))
    }

    /// Ends when the lease is lost.
    async fn keep_lease(&self, job: &Job) -> Failure {
        let lease = self.lease();
        loop {
            tokio::time::sleep(lease / 3).await;
            let renewed = async {
                let mut conn = self.state.db.acquire().await?;
                item::renew(&mut conn, job.run_id, &job.call, job.lease_no, lease).await
            };
            match renewed.await {
                Ok(true) => {}
                Ok(false) => return Failure::defer(Waiting::LeaseLost, BUSY),
                // The lease outlives two missed renewals.
                Err(error) => tracing::warn!(%error, "lease not renewed"),
            }
        }
    }

    async fn release(&self, job: &Job) {
        let released = async {
            let mut conn = self.state.db.acquire().await?;
            item::release(&mut conn, job.run_id, &job.call, job.lease_no).await
        };
        if let Err(error) = released.await {
            tracing::warn!(%error, "lease left to expire");
        }
    }

    async fn transcribe(&self, job: &Job, deadline: Instant) -> Result<Settlement, Failure> {
        let recordings = self.state.fiches.recordings(&job.fiche).await?;
        let recording = recordings
            .into_iter()
            .flatten()
            .find(|it| it.call_id.trim() == job.call.as_str());
        let Some(recording) = recording else {
            let error = "Recording not found in database";
            return Ok(job.failed("not_found", error.to_owned(), None));
        };
        if recording.recording_url.trim().is_empty() {
            let error = "No recording URL available";
            return Ok(job.failed("missing_url", error.to_owned(), None));
        }
        let mut audio = None;
        loop {
            let error = match self.attempt(job, &recording, &mut audio).await? {
                Attempt::Done(settlement) => return Ok(settlement),
                Attempt::Failed { error, attempt } => {
                    let limits = &self.state.speech.limits;
                    if !error.is_retryable()
                        || u32::try_from(attempt).unwrap_or(u32::MAX) >= limits.attempts
                    {
                        return self.give_up(job, &error).await;
                    }
                    let number = u32::try_from(attempt).unwrap_or(1);
                    let jitter = rand::random();
                    let wait = limits.backoff.delay(number, error.retry_after(), jitter);
                    (error, wait)
                }
            };
            let (error, wait) = error;
            metrics::counter!("vigie_speech_retries_total").increment(1);
            if wait > SHORT_WAIT || Instant::now() + wait >= deadline {
                return Err(Failure::defer(error, wait));
            }
            tokio::time::sleep(wait).await;
        }
    }

    /// Fetches the audio, unless it is there, and asks the provider once.
    async fn attempt(
        &self,
        job: &Job,
        recording: &Recording,
        audio: &mut Option<Downloaded>,
    ) -> Result<Attempt, Failure> {
        let speech = &self.state.speech;
        if audio.is_none() {
            let turn = {
                let mut conn = self.state.db.acquire().await?;
                speech.look(&mut conn, job.lane).await?
            };
            if let Some(settlement) = refusal(job, turn)? {
                return Ok(Attempt::Done(settlement));
            }
            let directory = speech.directory.path();
            let url = &recording.recording_url;
            match speech.downloader.download(url, directory).await {
                Ok(downloaded) => *audio = Some(downloaded),
                Err(error) => {
                    let mut conn = self.state.db.acquire().await?;
                    let attempt = self.count(&mut conn, job).await?;
                    return Ok(Attempt::Failed { error, attempt });
                }
            }
        }
        let Some(audio) = audio.as_ref() else {
            return Err(Failure::retry(Waiting::Busy));
        };
        let _place = speech.places.acquire().await?;
        let (attempt, turn) = self.turn(job, recording.duration_seconds).await?;
        let wait = match turn {
            Turn::Go(wait) => wait,
            Turn::Later(_) | Turn::Paused(_) => {
                return match refusal(job, turn)? {
                    Some(settlement) => Ok(Attempt::Done(settlement)),
                    None => Err(Failure::defer(Waiting::Rate, BUSY)),
                };
            }
        };
        tokio::time::sleep(wait).await;
        let call = job.call_of(attempt);
        match speech.client.transcribe(&audio.audio()).await {
            Ok(transcript) => {
                let done = self
                    .keep(job, call, transcript, recording.duration_seconds)
                    .await?;
                Ok(Attempt::Done(done))
            }
            Err(error) => {
                let request = error.failure().and_then(|it| it.request_id.as_deref());
                let mut conn = self.state.db.acquire().await?;
                store::call::finish(&mut conn, call, false, request).await?;
                Ok(Attempt::Failed { error, attempt })
            }
        }
    }

    async fn count(&self, conn: &mut PgConnection, job: &Job) -> Result<i32, Failure> {
        item::attempt(conn, job.run_id, &job.call, job.lease_no)
            .await?
            .ok_or_else(|| Failure::defer(Waiting::LeaseLost, BUSY))
    }

    /// The next try and whether it may be made. Without a token nothing is counted.
    async fn turn(&self, job: &Job, seconds: Option<i32>) -> Result<(i32, Turn), Failure> {
        let mut tx = self.state.db.begin().await?;
        let attempt = self.count(&mut tx, job).await?;
        let call = job.call_of(attempt);
        let turn = self
            .state
            .speech
            .turn(&mut tx, call, job.lane, seconds)
            .await?;
        if matches!(turn, Turn::Go(_)) {
            tx.commit().await?;
        } else {
            tx.rollback().await?;
        }
        Ok((attempt, turn))
    }

    /// Stores a transcript, against a database that is away for a moment: it is paid for.
    async fn keep(
        &self,
        job: &Job,
        call: SpeechCall<'_>,
        transcript: Transcript,
        seconds: Option<i32>,
    ) -> Result<Settlement, Failure> {
        let request = format!("{}-{}-{}", job.run_id, job.call, call.attempt);
        let new = NewTranscript::of(&job.fiche, &job.call, &request, transcript, seconds)?;
        let mut tries = 1;
        let stored = loop {
            match self.save(job, call, &new).await {
                Ok(stored) => break stored,
                Err(error) if tries < SAVE_TRIES => {
                    tracing::warn!(%error, tries, "transcript not stored yet");
                    tokio::time::sleep(Duration::from_millis(200 << tries)).await;
                    tries += 1;
                }
                Err(error) => return Err(error.into()),
            }
        };
        Ok(match stored {
            None => Settlement::Transcribed {
                transcription_id: new.transcription_id,
                request_id: new.request_id,
            },
            Some(found) => found,
        })
    }

    /// `Some` when a transcript was there before.
    async fn save(
        &self,
        job: &Job,
        call: SpeechCall<'_>,
        new: &NewTranscript,
    ) -> sqlx::Result<Option<Settlement>> {
        let client = &self.state.speech.client;
        let made = Made {
            fiche: &job.fiche,
            call: &job.call,
            run_id: job.run_id,
            force: job.force,
            engine: client.provider_name(),
            model: client.model(),
        };
        let mut tx = self.state.db.begin().await?;
        let saved = store::transcript::save(&mut tx, made, new).await?;
        store::call::finish(&mut tx, call, true, new.request_id.as_deref()).await?;
        let found = if saved {
            None
        } else {
            store::transcript::find(&mut tx, &job.fiche, &job.call)
                .await?
                .map(|known| known_settlement(known, job.run_id))
        };
        tx.commit().await?;
        Ok(found)
    }

    async fn give_up(&self, job: &Job, error: &SpeechError) -> Result<Settlement, Failure> {
        let class = match error.class() {
            SpeechErrorClass::Quota => "quota_exceeded",
            SpeechErrorClass::Key => "invalid_api_key",
            SpeechErrorClass::Permanent => "permanent",
            SpeechErrorClass::Retryable => "attempts_exhausted",
        };
        if matches!(
            error.class(),
            SpeechErrorClass::Quota | SpeechErrorClass::Key
        ) {
            let mut conn = self.state.db.acquire().await?;
            self.state.speech.pause(&mut conn, class).await?;
        }
        let request = error.failure().and_then(|it| it.request_id.clone());
        Ok(job.failed(class, error.to_string(), request))
    }
}

/// What a turn that is none means: a later try, or the end of the recording.
fn refusal(job: &Job, turn: Turn) -> Result<Option<Settlement>, Failure> {
    match turn {
        Turn::Go(_) => Ok(None),
        Turn::Later(wait) => Err(Failure::defer(Waiting::Rate, wait)),
        Turn::Paused(reason) => {
            let error = format!("Speech provider is not asked: {reason}");
            Ok(Some(job.failed(&reason, error, None)))
        }
    }
}

enum Attempt {
    Done(Settlement),
    Failed { error: SpeechError, attempt: i32 },
}

impl Job {
    const fn call_of(&self, attempt: i32) -> SpeechCall<'_> {
        SpeechCall {
            run_id: self.run_id,
            call: &self.call,
            attempt,
        }
    }

    fn failed(&self, class: &str, error: String, request_id: Option<String>) -> Settlement {
        Settlement::Failed {
            class: class.to_owned(),
            error,
            request_id,
            lease: Some(self.lease_no),
        }
    }
}

fn known_settlement(known: store::transcript::Known, run_id: Uuid) -> Settlement {
    let transcription_id = known.transcription_id;
    if known.run_id == Some(run_id) {
        Settlement::Transcribed {
            transcription_id,
            request_id: None,
        }
    } else {
        Settlement::Cached { transcription_id }
    }
}

/// The transcript that makes a request needless. A forced run counts only its own.
async fn stored(
    tx: &mut PgConnection,
    run: &Run,
    call: &CallId,
) -> sqlx::Result<Option<Settlement>> {
    let known = store::transcript::find(tx, &run.fiche, call).await?;
    let usable = known.filter(|known| !run.force || known.run_id == Some(run.run_id));
    Ok(usable.map(|known| known_settlement(known, run.run_id)))
}

impl Worker<RecordingTranscribe> for TranscribeRecording {
    type Output = Option<Settlement>;

    async fn work(
        &self,
        delivery: &Delivery<RecordingTranscribe>,
    ) -> Result<Option<Settlement>, Failure> {
        let job = match self.claim(&delivery.body).await? {
            Claim::Settled => return Ok(None),
            Claim::Busy(wait) => return Err(Failure::defer(Waiting::Busy, wait)),
            Claim::Stored(settlement) => return Ok(Some(settlement)),
            Claim::Mine(job) => job,
        };
        let result = tokio::select! {
            result = self.transcribe(&job, delivery.deadline) => result,
            lost = self.keep_lease(&job) => Err(lost),
        };
        if result.is_err() {
            self.release(&job).await;
        }
        result.map(Some)
    }

    async fn store(
        &self,
        tx: &mut PgConnection,
        delivery: &Delivery<RecordingTranscribe>,
        settlement: Option<Settlement>,
    ) -> Result<(), Failure> {
        let Some(settlement) = settlement else {
            return Ok(());
        };
        let body = &delivery.body;
        let workflow = &self.state.workflow;
        match workflow
            .settle(tx, body.run_id, &body.call_id, &settlement)
            .await
        {
            // Whoever has it now tells how it ended; this message comes back to see.
            Err(WorkflowError::Stale(stale @ Stale { .. })) => Err(Failure::defer(stale, BUSY)),
            other => Ok(other?),
        }
    }

    async fn parked(
        &self,
        tx: &mut PgConnection,
        delivery: &Delivery<RecordingTranscribe>,
        reason: &str,
    ) -> Result<(), Failure> {
        let body = &delivery.body;
        tracing::error!(run.id = %body.run_id, call.id = %body.call_id, reason, "recording parked");
        let settlement = match store::transcript::find(tx, &body.fiche_id, &body.call_id).await? {
            Some(known) if known.run_id == Some(body.run_id) => {
                known_settlement(known, body.run_id)
            }
            Some(_) | None => Settlement::Failed {
                class: "internal".to_owned(),
                error: "Recording could not be processed".to_owned(),
                request_id: None,
                lease: None,
            },
        };
        self.state
            .workflow
            .settle(tx, body.run_id, &body.call_id, &settlement)
            .await?;
        Ok(())
    }
}
