//! Frames of an event stream (`events-and-config.md` E7).

use bytes::Bytes;
use std::fmt;
use std::str::FromStr;
use vigie_bus::{RealtimeFrame, RealtimeState};

/// The place of a frame: which stream, and where in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameId {
    /// Creation instant of the stream, epoch ms.
    pub incarnation: u64,
    /// Sequence in it.
    pub sequence: u64,
}

impl FrameId {
    /// Of a message.
    pub fn of(frame: &RealtimeFrame) -> Self {
        Self {
            incarnation: frame.incarnation_ms,
            sequence: frame.stream_sequence,
        }
    }

    /// Of the newest message.
    pub fn newest(state: &RealtimeState) -> Self {
        Self {
            incarnation: state.incarnation_ms,
            sequence: state.last,
        }
    }

    /// Whether this was told to somebody who has heard everything up to `heard`. What is left of
    /// another stream is old too.
    pub fn is_heard(self, heard: Self) -> bool {
        self.incarnation != heard.incarnation || self.sequence <= heard.sequence
    }
}

impl fmt::Display for FrameId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.incarnation, self.sequence)
    }
}

/// Not an id of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("malformed frame id")]
pub struct MalformedId;

impl FromStr for FrameId {
    type Err = MalformedId;

    fn from_str(text: &str) -> Result<Self, MalformedId> {
        let number = |text: &str| {
            let digits = text.bytes().all(|byte| byte.is_ascii_digit());
            text.parse().ok().filter(|_| digits).ok_or(MalformedId)
        };
        let (incarnation, sequence) = text.trim().split_once('-').ok_or(MalformedId)?;
        Ok(Self {
            incarnation: number(incarnation)?,
            sequence: number(sequence)?,
        })
    }
}

/// A line that says nothing, and shows that the line is alive.
pub const COMMENT: Bytes = Bytes::from_static(b": \n\n");

/// How long a client waits before it comes back.
pub fn retry(millis: u64) -> Bytes {
    format!("retry: {millis}\n\n").into()
}

/// An event. The payload is JSON, where a line break is only a blank.
pub fn event(id: FrameId, name: &str, payload: &[u8]) -> Bytes {
    let mut frame = format!(
        "id: {id}\nevent: {}\ndata: ",
        name.replace(['\r', '\n'], " ")
    );
    frame.reserve(payload.len() + 2);
    let mut frame = frame.into_bytes();
    let line = payload.iter().map(|byte| match byte {
        b'\r' | b'\n' => b' ',
        other => *other,
    });
    frame.extend(line);
    frame.extend_from_slice(b"\n\n");
    frame.into()
}

#[cfg(test)]
mod tests {
    use super::{FrameId, event};
    use rstest::rstest;

    #[rstest]
    #[case("17-4", Some((17, 4)))]
    #[case(" 17-4 ", Some((17, 4)))]
    #[case("17", None)]
    #[case("17-", None)]
    #[case("-4", None)]
    #[case("17-4-2", None)]
    #[case("+17-4", None)]
    #[case("99999999999999999999-4", None)]
    fn ids_read_themselves(#[case] text: &str, #[case] id: Option<(u64, u64)>) {
        let parsed: Option<FrameId> = text.parse().ok();
        assert_eq!(parsed.map(|id| (id.incarnation, id.sequence)), id);
        if let Some(id) = parsed {
            assert_eq!(id.to_string().parse(), Ok(id));
        }
    }

    #[test]
    fn a_payload_stays_on_one_line() {
        let id = FrameId {
            incarnation: 17,
            sequence: 4,
        };
        let frame = event(id, "audit.progress", b"{\n\"a\": 1}");
        assert_eq!(
            &frame[..],
            b"id: 17-4\nevent: audit.progress\ndata: { \"a\": 1}\n\n"
        );
    }
}
