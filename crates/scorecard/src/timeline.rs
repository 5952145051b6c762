//! The ordered, chunked transcript that an audit is judged on and cites (3.1, 3.2, 3.5).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::chunking::{Word, chunks_of_words, synthetic_words};
use crate::number;

/// All transcribed recordings of a fiche, in the order of the calls.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Timeline {
    /// Recordings; each one's place is its `recording_index`.
    pub recordings: Vec<Recording>,
}

/// One transcribed recording.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recording {
    /// 0-based place in the timeline.
    pub recording_index: i32,
    /// Id of the call.
    pub call_id: String,
    /// ISO-8601 UTC, or empty.
    pub start_time: String,
    /// Length, 0 if unknown.
    #[serde(serialize_with = "number::plain")]
    pub duration_seconds: f64,
    /// Where to listen.
    pub recording_url: String,
    /// `DD/MM/YYYY`, or empty.
    pub recording_date: String,
    /// `HH:MM`, or empty.
    pub recording_time: String,
    /// Calling number.
    pub from_number: String,
    /// Called number.
    pub to_number: String,
    /// Number of chunks.
    pub total_chunks: i32,
    /// Whether speakers and times were heard or invented (C-T09).
    #[serde(default)]
    pub diarization: Diarization,
    /// Chunks, in order.
    pub chunks: Vec<Chunk>,
}

/// A few speaker turns: the unit that citations refer to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Chunk {
    /// 0-based place in the recording.
    pub chunk_index: i32,
    /// Seconds from the start of the recording.
    #[serde(serialize_with = "number::plain")]
    pub start_timestamp: f64,
    /// Seconds from the start of the recording.
    #[serde(serialize_with = "number::plain")]
    pub end_timestamp: f64,
    /// Number of turns.
    pub message_count: i32,
    /// Distinct speakers, in the order they were first heard.
    pub speakers: Vec<String>,
    /// One line `speaker: text` per turn.
    pub full_text: String,
}

/// Where the speakers of a transcript come from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Diarization {
    /// The speech model told them apart.
    #[default]
    Provider,
    /// Invented from plain text (3.4): neither speakers nor times are evidence.
    Synthetic,
    /// Not told apart.
    None,
}

/// A recording of the fiche as stored, before it is known whether it can be judged.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SourceRecording {
    /// Id of the recording: decides between two of the same start.
    pub id: String,
    /// Id of the call.
    pub call_id: String,
    /// ISO-8601 UTC. All of one fiche are written alike, so text order is time order.
    pub start_time: Option<String>,
    /// Length, if known.
    pub duration_seconds: Option<f64>,
    /// Where to listen; without it quotes cannot be checked by ear.
    pub recording_url: Option<String>,
    /// `DD/MM/YYYY`, if known.
    pub recording_date: Option<String>,
    /// `HH:MM`, if known.
    pub recording_time: Option<String>,
    /// Calling number, if known.
    pub from_number: Option<String>,
    /// Called number, if known.
    pub to_number: Option<String>,
    /// Whether a transcript is stored.
    pub has_transcription: bool,
    /// Where the speakers of that transcript come from.
    pub diarization: Diarization,
    /// Stored chunks.
    pub chunks: Vec<Chunk>,
    /// Word timings, used when there are no chunks (fallback A).
    pub words: Vec<Word>,
    /// Plain text, used when there is nothing else (fallback B).
    pub text: Option<String>,
}

/// A recording of the fiche that the timeline does not cover (W-17, 5.6).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MissingRecording {
    /// Id of the call.
    pub call_id: String,
    /// Why it is missing.
    pub reason: LeftOut,
}

/// Why a recording is not in the timeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LeftOut {
    /// It has no address to listen to.
    NoUrl,
    /// It is not transcribed.
    NotTranscribed,
    /// Its transcript holds no words.
    EmptyTranscript,
}

impl Timeline {
    /// Builds the timeline of a fiche (3.1, A7.5) and names the recordings it leaves out.
    pub fn build(mut sources: Vec<SourceRecording>) -> (Self, Vec<MissingRecording>) {
        sources.sort_by(|a, b| start_order(a).cmp(&start_order(b)));
        let mut recordings = Vec::with_capacity(sources.len());
        let mut missing = Vec::new();
        for source in sources {
            let call_id = source.call_id.clone();
            match source.transcribed(number::count(recordings.len())) {
                Ok(recording) => recordings.push(recording),
                Err(reason) => missing.push(MissingRecording { call_id, reason }),
            }
        }
        (Self { recordings }, missing)
    }

    /// The recording at an index.
    pub fn recording(&self, recording_index: i32) -> Option<&Recording> {
        self.recordings.get(usize::try_from(recording_index).ok()?)
    }

    /// The chunk a citation refers to.
    pub fn chunk(&self, recording_index: i32, chunk_index: i32) -> Option<&Chunk> {
        self.recording(recording_index)?.chunk(chunk_index)
    }

    /// All chunks with their recording, in order.
    pub fn chunks(&self) -> impl Iterator<Item = (&Recording, &Chunk)> {
        self.recordings
            .iter()
            .flat_map(|rec| rec.chunks.iter().map(move |chunk| (rec, chunk)))
    }

    /// Number of chunks, `timeline_chunks` of 2.5.
    pub fn total_chunks(&self) -> i32 {
        self.recordings
            .iter()
            .map(|recording| recording.total_chunks)
            .sum()
    }
}

impl Recording {
    /// The chunk at an index.
    pub fn chunk(&self, chunk_index: i32) -> Option<&Chunk> {
        self.chunks.get(usize::try_from(chunk_index).ok()?)
    }
}

/// `start_time` ascending, unknown last, then the id (3.1).
fn start_order(source: &SourceRecording) -> (bool, &str, &str) {
    let start = source.start_time.as_deref().unwrap_or_default();
    (start.is_empty(), start, &source.id)
}

impl SourceRecording {
    fn transcribed(self, recording_index: i32) -> Result<Recording, LeftOut> {
        if !self.has_transcription {
            return Err(LeftOut::NotTranscribed);
        }
        let recording_url = self
            .recording_url
            .filter(|url| !url.is_empty())
            .ok_or(LeftOut::NoUrl)?;
        let (mut chunks, mut diarization) = (self.chunks, self.diarization);
        if chunks.is_empty() {
            chunks = chunks_of_words(&self.words);
        }
        if chunks.is_empty() {
            let text = self.text.as_deref().unwrap_or_default();
            chunks = chunks_of_words(&synthetic_words(text, self.duration_seconds));
            diarization = Diarization::Synthetic;
        }
        if chunks.is_empty() {
            return Err(LeftOut::EmptyTranscript);
        }
        // Stored indices are contiguous from 0, so in this order place and index are one.
        chunks.sort_by_key(|chunk| chunk.chunk_index);
        Ok(Recording {
            recording_index,
            call_id: self.call_id,
            start_time: self.start_time.unwrap_or_default(),
            duration_seconds: self.duration_seconds.unwrap_or_default(),
            recording_url,
            recording_date: self.recording_date.unwrap_or_default(),
            recording_time: self.recording_time.unwrap_or_default(),
            from_number: self.from_number.unwrap_or_default(),
            to_number: self.to_number.unwrap_or_default(),
            total_chunks: number::count(chunks.len()),
            diarization,
            chunks,
        })
    }
}

/// `MM:SS` of an offset in a recording (3.5).
pub fn minutage(seconds: f64) -> String {
    if !seconds.is_finite() || seconds < 0.0 {
        return "00:00".to_owned();
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "checked above; whole seconds are wanted"
    )]
    let seconds = seconds as u64;
    format!("{:02}:{:02}", seconds / 60, seconds % 60)
}

#[cfg(test)]
mod tests;
