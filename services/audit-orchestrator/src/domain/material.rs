//! What an audit is judged on: the timeline of its fiche, frozen when the analysis begins.

use flate2::Compression;
use flate2::read::{DeflateDecoder, DeflateEncoder};
use sha2::{Digest, Sha256};
use std::io::Read;
use vigie_scorecard::{
    CallCoverage, ConfigSnapshot, MissingRecording, NormalizedTimeline, SourceRecording, Timeline,
};

/// A stored timeline that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum BadTimeline {
    /// Not deflated data.
    #[error("timeline cannot be inflated")]
    Inflate(#[from] std::io::Error),
    /// Not a timeline.
    #[error("timeline cannot be decoded")]
    Decode(#[from] serde_json::Error),
}

/// The recordings of a fiche as they stand, made into a timeline.
#[derive(Debug, Clone)]
pub struct Material {
    /// Recordings of the fiche.
    pub recordings_total: i32,
    /// Of these, transcribed.
    pub transcribed: i32,
    /// Recordings in the timeline.
    pub recordings_used: i32,
    /// Chunks in the timeline.
    pub total_chunks: i32,
    /// Recordings left out.
    pub missing: Vec<MissingRecording>,
    /// The timeline, as JSON, deflated.
    pub deflated: Vec<u8>,
    /// SHA-256 of that JSON, hexadecimal.
    pub transcript_hash: String,
}

impl Material {
    /// Builds the timeline of all recordings of a fiche.
    pub fn of(sources: Vec<SourceRecording>) -> Result<Self, BadTimeline> {
        let recordings_total = count(sources.len());
        let transcribed = count(
            sources
                .iter()
                .filter(|source| source.has_transcription)
                .count(),
        );
        let (timeline, missing) = Timeline::build(sources);
        let json = serde_json::to_vec(&timeline)?;
        let mut deflated = Vec::with_capacity(json.len() / 3);
        // Fast: the bytes are read a handful of times and then only kept.
        DeflateEncoder::new(json.as_slice(), Compression::fast()).read_to_end(&mut deflated)?;
        Ok(Self {
            recordings_total,
            transcribed,
            recordings_used: count(timeline.recordings.len()),
            total_chunks: timeline.total_chunks(),
            missing,
            deflated,
            transcript_hash: hex::encode(Sha256::digest(&json)),
        })
    }

    /// Whether every recording has its transcript.
    pub const fn is_complete(&self) -> bool {
        self.transcribed >= self.recordings_total
    }

    /// Why nothing can be judged, if so (F2).
    pub fn unusable(&self, fiche: &str) -> Option<String> {
        if self.recordings_used > 0 {
            None
        } else if self.recordings_total == 0 {
            Some(format!("No recordings found for fiche {fiche}"))
        } else if self.transcribed == 0 {
            let total = self.recordings_total;
            Some(format!(
                "No transcribed recordings for fiche {fiche} (0/{total})"
            ))
        } else {
            Some(format!("Timeline of fiche {fiche} is empty"))
        }
    }
}

/// Reads a stored timeline.
pub fn inflate(deflated: &[u8]) -> Result<Timeline, BadTimeline> {
    let mut json = Vec::new();
    DeflateDecoder::new(deflated).read_to_end(&mut json)?;
    Ok(serde_json::from_slice(&json)?)
}

/// Everything a step of one audit is settled by. Never changes while the audit lives.
#[derive(Debug)]
pub struct AuditContext {
    /// The configuration as it was when the analysis began.
    pub config: ConfigSnapshot,
    /// The timeline, ready for quotes to be looked up.
    pub timeline: NormalizedTimeline,
    /// Recordings it does not cover.
    pub missing: Vec<MissingRecording>,
    /// The same, as verdicts need it.
    pub coverage: CallCoverage,
    /// Expected positions, ascending.
    pub positions: Vec<i32>,
    /// Bytes it takes in memory, roughly.
    pub weight: u32,
}

impl AuditContext {
    /// Puts a context together.
    pub fn new(config: ConfigSnapshot, timeline: Timeline, missing: Vec<MissingRecording>) -> Self {
        let texts: usize = timeline
            .chunks()
            .map(|(_, chunk)| chunk.full_text.len() + 200)
            .sum();
        let prompts: usize = config
            .steps
            .iter()
            .map(|step| step.prompt.len() + 1000)
            .sum();
        let mut positions: Vec<i32> = config.steps.iter().map(|step| step.position).collect();
        positions.sort_unstable();
        Self {
            coverage: CallCoverage::of(&missing),
            // Each text is held twice: as it was and normalised.
            weight: u32::try_from(2 * texts + prompts).unwrap_or(u32::MAX),
            timeline: NormalizedTimeline::new(timeline),
            config,
            missing,
            positions,
        }
    }
}

/// The length of a list as the contract's `int`.
pub fn count(length: usize) -> i32 {
    i32::try_from(length).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recording(id: &str, text: Option<&str>) -> SourceRecording {
        SourceRecording {
            id: id.to_owned(),
            call_id: format!("call-{id}"),
            recording_url: Some("https://audio.test/a.mp3".to_owned()),
            has_transcription: text.is_some(),
            text: text.map(ToOwned::to_owned),
            ..SourceRecording::default()
        }
    }

    #[test]
    fn a_timeline_survives_its_storage() {
        let material = Material::of(vec![
            recording("1", Some("bonjour madame")),
            recording("2", None),
        ])
        .unwrap();
        assert_eq!((material.recordings_total, material.transcribed), (2, 1));
        assert!(!material.is_complete());
        assert_eq!(material.missing.len(), 1);
        assert_eq!(material.transcript_hash.len(), 64);
        let timeline = inflate(&material.deflated).unwrap();
        assert_eq!(timeline.recordings.len(), 1);
        assert_eq!(material.unusable("44"), None);
    }

    #[test]
    fn what_cannot_be_judged_says_why() {
        let reason = |sources| Material::of(sources).unwrap().unusable("44").unwrap();
        assert_eq!(reason(vec![]), "No recordings found for fiche 44");
        assert_eq!(
            reason(vec![recording("1", None)]),
            "No transcribed recordings for fiche 44 (0/1)"
        );
        assert_eq!(
            reason(vec![recording("1", Some(" "))]),
            "Timeline of fiche 44 is empty"
        );
    }
}
