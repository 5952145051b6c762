/// Stands before the name of the call in the audio's comment.
const MARK: &[u8] = b"vigie-call:";
/// Stands before the name of the recording.
const RECORDING_MARK: &[u8] = b";recording:";
/// Silence after the tag, as a player would expect sound there.
const PADDING: usize = 512;

/// A tiny MP3 that carries the name of its call.
pub fn audio(slug: &str) -> Vec<u8> {
    audio_of(slug, "")
}

/// As [`audio`], with the name of the recording too, so that no two recordings are the same bytes.
pub fn audio_of(slug: &str, recording: &str) -> Vec<u8> {
    let mut comment = vec![0];
    comment.extend_from_slice(b"fra\0");
    comment.extend_from_slice(MARK);
    comment.extend_from_slice(slug.as_bytes());
    comment.extend_from_slice(RECORDING_MARK);
    comment.extend_from_slice(recording.as_bytes());

    let mut frame = b"COMM".to_vec();
    frame.extend_from_slice(&size(&comment).to_be_bytes());
    frame.extend_from_slice(&[0, 0]);
    frame.extend_from_slice(&comment);

    let mut file = b"ID3\x03\x00\x00".to_vec();
    file.extend_from_slice(&synchsafe(size(&frame)));
    file.extend_from_slice(&frame);
    // One MPEG-1 layer III frame header, 128 kbit/s at 44.1 kHz.
    file.extend_from_slice(&[0xFF, 0xFB, 0x90, 0x00]);
    file.resize(file.len() + PADDING, 0);
    file
}

/// The name of the call that this audio carries.
pub fn slug_of(audio: &[u8]) -> Option<&str> {
    let start = audio
        .windows(MARK.len())
        .position(|window| window == MARK)?
        + MARK.len();
    let rest = &audio[start..];
    let end = rest
        .iter()
        .position(|byte| !(byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'-'))
        .unwrap_or(rest.len());
    std::str::from_utf8(&rest[..end])
        .ok()
        .filter(|slug| !slug.is_empty())
}

fn size(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX)
}

/// ID3 sizes use seven bits a byte.
fn synchsafe(size: u32) -> [u8; 4] {
    [21, 14, 7, 0].map(|shift| u8::try_from((size >> shift) & 0x7F).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_comes_back() {
        let file = audio_of("vente-conforme", "0b7d5a11");
        assert!(file.starts_with(b"ID3"));
        assert_eq!(slug_of(&file), Some("vente-conforme"));
        assert_eq!(slug_of(&audio("messagerie")), Some("messagerie"));
    }

    #[test]
    fn other_audio_has_no_name() {
        assert_eq!(slug_of(b"RIFF....WAVE"), None);
        assert_eq!(slug_of(b"vigie-call:"), None);
        assert_eq!(slug_of(b""), None);
    }

    #[test]
    fn sizes_use_seven_bits() {
        assert_eq!(synchsafe(0x3FFF), [0, 0, 0x7F, 0x7F]);
        assert_eq!(synchsafe(128), [0, 0, 1, 0]);
    }
}
