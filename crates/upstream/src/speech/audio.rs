//! The audio that is sent.

use std::path::PathBuf;

use bytes::Bytes;
use reqwest::Body;
use reqwest::multipart::Part;
use tokio::fs::File;
use tokio_util::io::ReaderStream;

/// One recording, ready to be sent.
#[derive(Debug, Clone)]
pub struct Audio {
    /// Where its bytes are.
    pub source: AudioSource,
    /// `audio/…`; anything else is sent as `audio/mpeg`.
    pub content_type: String,
    /// Told to the provider, usually `audio.mp3`.
    pub file_name: String,
}

/// Where audio comes from.
#[derive(Debug, Clone)]
pub enum AudioSource {
    /// Streamed from disk.
    File(PathBuf),
    /// Held in memory.
    Bytes(Bytes),
}

impl Audio {
    /// The form part, and its length.
    pub(super) async fn part(&self) -> std::io::Result<(Part, u64)> {
        let (body, length) = match &self.source {
            AudioSource::Bytes(bytes) => (Body::from(bytes.clone()), bytes.len() as u64),
            AudioSource::File(path) => {
                let file = File::open(path).await?;
                let length = file.metadata().await?.len();
                (Body::wrap_stream(ReaderStream::new(file)), length)
            }
        };
        let part = Part::stream_with_length(body, length).file_name(self.file_name.clone());
        // Only a type that is none is refused, and then the headers would have been, too.
        let part = part
            .mime_str(audio_type(&self.content_type))
            .map_err(std::io::Error::other)?;
        Ok((part, length))
    }
}

/// The bare `audio/*` type, `audio/mpeg` for anything else.
pub(super) fn audio_type(content_type: &str) -> &str {
    let bare = content_type.split(';').next().unwrap_or("").trim();
    let sub = bare
        .get(..6)
        .filter(|start| start.eq_ignore_ascii_case("audio/"))
        .map(|_| &bare[6..]);
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'+' | b'.');
    match sub {
        Some(sub) if !sub.is_empty() && sub.bytes().all(plain) => bare,
        _ => "audio/mpeg",
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("audio/wav", "audio/wav")]
    #[case("audio/x-m4a; charset=binary", "audio/x-m4a")]
    #[case("application/octet-stream", "audio/mpeg")]
    #[case("audio/", "audio/mpeg")]
    #[case("audio/a b", "audio/mpeg")]
    #[case("", "audio/mpeg")]
    fn only_audio_types_are_sent(#[case] given: &str, #[case] sent: &str) {
        assert_eq!(audio_type(given), sent);
    }
}
