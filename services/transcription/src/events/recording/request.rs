//! Fetching the audio, asking the provider, storing what it heard.

use super::{BUSY, Job, TranscribeRecording, Waiting, known_settlement};
use crate::domain::transcript::NewTranscript;
use crate::speech::Turn;
use crate::store::call::SpeechCall;
use crate::store::transcript::Made;
use crate::store::{self, item};
use crate::workflow::Settlement;
use sqlx::PgConnection;
use std::time::Duration;
use tokio::time::Instant;
use vigie_bus::Failure;
use vigie_contracts::fiche::v1::Recording;
use vigie_upstream::speech::{Downloaded, SpeechError, SpeechErrorClass, Transcript};

/// Longest wait between tries inside one delivery; longer ones leave the queue.
const SHORT_WAIT: Duration = Duration::from_secs(30);
/// Tries to store what is paid for, before the work is begun again.
const SAVE_TRIES: u32 = 6;

/// What a try came to.
enum Attempt {
    Done(Settlement),
    Failed { error: SpeechError, attempt: i32 },
}

impl TranscribeRecording {
    pub(super) async fn transcribe(
        &self,
        job: &Job,
        deadline: Instant,
    ) -> Result<Settlement, Failure> {
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
            tracing::info!(run.id = %job.run_id, call.id = %job.call, %error, ?wait,
                "recording tried again");
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
