//! Speech to text: fetch the audio, have it transcribed. One attempt each.
//!
//! Retries across attempts, rate limits and leases belong to the transcription service, since they outlive a
//! process; [`Backoff`] and [`SpeechErrorClass`] tell it when and whether.

mod audio;
mod backoff;
mod client;
mod config;
mod download;
mod error;
mod key;
mod provider_error;
mod transcript;

pub use audio::{Audio, AudioSource};
pub use backoff::Backoff;
pub use client::SpeechClient;
pub use config::{ElevenLabsConfig, OpenAiSpeechConfig, SpeechConfig, SpeechProvider};
pub use download::{DownloadConfig, Downloaded, Downloader};
pub use error::{SpeechError, SpeechErrorClass, SpeechFailure};
pub use key::normalise_key;
pub use transcript::{SpeechWord, Transcript, derive_transcription_id};
