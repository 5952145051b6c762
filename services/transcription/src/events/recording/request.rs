//! Fetching the audio, asking the provider, storing what it heard.

use super::{BUSY, Job, TranscribeRecording, Waiting, known_settlement};
use crate::domain::transcript::NewTranscript;
use crate::speech::{SpeechStateError, Turn};
use crate::store::call::{Outcome, SpeechCall};
use crate::store::log::{Level, Lines};
use crate::store::transcript::Made;
use crate::store::{self, item};
use crate::workflow::Settlement;
use serde_json::json;
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
            let (error, attempt) = match self.attempt(job, &recording, &mut audio).await? {
                Attempt::Done(settlement) => return Ok(settlement),
                Attempt::Failed { error, attempt } => (error, attempt),
            };
            let limits = &self.state.speech.limits;
            let number = u32::try_from(attempt).unwrap_or(u32::MAX);
            if !error.is_retryable() || number >= limits.attempts {
                return self.give_up(job, &error).await;
            }
            let jitter = rand::random();
            let wait = limits.backoff.delay(number, error.retry_after(), jitter);
            self.note_retry(job, &error, attempt, wait).await?;
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
        let (wait, trial) = match turn {
            Turn::Go { wait, trial } => (wait, trial),
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
                let seconds = recording.duration_seconds;
                let done = self.keep(job, call, transcript, seconds, trial).await?;
                Ok(Attempt::Done(done))
            }
            Err(error) => {
                let request = error.failure().and_then(|it| it.request_id.as_deref());
                let mut conn = self.state.db.acquire().await?;
                let outcome = match error.status() {
                    Some(_) => Outcome::Refused,
                    None => Outcome::Unanswered,
                };
                store::call::finish(&mut conn, call, outcome, request).await?;
                Ok(Attempt::Failed { error, attempt })
            }
        }
    }

    /// Counts and tells a try that is not the last.
    async fn note_retry(
        &self,
        job: &Job,
        error: &SpeechError,
        attempt: i32,
        wait: Duration,
    ) -> Result<(), Failure> {
        let why = match error {
            SpeechError::Download(_) => "download",
            _ if error.status() == Some(429) => "throttled",
            _ if error.status().is_some() => "server",
            _ => "network",
        };
        metrics::counter!("vigie_speech_retries_total", "lane" => job.lane.as_str(), "why" => why)
            .increment(1);
        let mut lines = Lines::new(self.state.workflow.settings().log);
        let data = json!({"call_id": job.call, "attempt": attempt, "lease": job.lease_no,
            "why": why, "status": error.status(), "wait_seconds": wait.as_secs(),
            "provider_request_id": error.failure().and_then(|it| it.request_id.as_deref())});
        let message = format!("attempt failed: {error}");
        lines.recording(Level::Warning, job.run_id, &job.call, message, data);
        let mut conn = self.state.db.acquire().await?;
        Ok(lines.insert(&mut conn, job.subject()).await?)
    }

    /// What an answered request cost, of the length that the CRM tells or else of what was heard.
    fn spent(&self, transcript: &Transcript, seconds: Option<i32>) -> Outcome {
        let heard = transcript.words.last().map(|word| word.end.ceil());
        #[expect(clippy::cast_possible_truncation, reason = "`as` saturates")]
        let heard = heard.filter(|end| *end > 0.0).map(|end| end as i32);
        let audio_seconds = seconds.filter(|seconds| *seconds > 0).or(heard);
        let speech = &self.state.speech;
        let model = speech.client.model();
        let cost_micros = speech.prices.cost_micros(model, audio_seconds);
        let counted = |amount: i64| u64::try_from(amount).unwrap_or_default();
        metrics::counter!("vigie_speech_audio_seconds_total", "model" => model.to_owned())
            .increment(counted(audio_seconds.unwrap_or_default().into()));
        metrics::counter!("vigie_speech_cost_micros_total", "model" => model.to_owned())
            .increment(counted(cost_micros.unwrap_or_default()));
        Outcome::Ok {
            audio_seconds,
            cost_micros,
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
        if matches!(turn, Turn::Go { .. }) {
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
        trial: bool,
    ) -> Result<Settlement, Failure> {
        let spent = self.spent(&transcript, seconds);
        let request = format!("{}-{}-{}", job.run_id, job.call, call.attempt);
        let new = NewTranscript::of(&job.fiche, &job.call, &request, transcript, seconds)?;
        let mut tries = 1;
        let stored = loop {
            match self.save(job, call, &new, spent, trial).await {
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
        spent: Outcome,
        trial: bool,
    ) -> Result<Option<Settlement>, SpeechStateError> {
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
        store::call::finish(&mut tx, call, spent, new.request_id.as_deref()).await?;
        if trial {
            self.state.speech.resume(&mut tx).await?;
        }
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
            let mut tx = self.state.db.begin().await?;
            self.state.speech.pause(&mut tx, class).await?;
            tx.commit().await?;
        }
        let request = error.failure().and_then(|it| it.request_id.clone());
        Ok(job.failed(class, error.to_string(), request))
    }
}

/// What a turn that is none means: a later try, or the end of the recording.
fn refusal(job: &Job, turn: Turn) -> Result<Option<Settlement>, Failure> {
    match turn {
        Turn::Go { .. } => Ok(None),
        Turn::Later(wait) => Err(Failure::defer(Waiting::Rate, wait)),
        Turn::Paused(reason) => {
            let error = format!("Speech provider is not asked: {reason}");
            Ok(Some(job.failed(&reason, error, None)))
        }
    }
}
