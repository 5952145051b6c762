use super::frame::FrameId;
use vigie_bus::RealtimeState;

/// A gap of more messages than this is not replayed.
const MAX_GAP: u64 = 100_000;

/// Why a client has to start over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResetReason {
    /// Its id is none of ours.
    Malformed,
    /// Its id is of a stream that is gone.
    Incarnation,
    /// What it missed is no longer kept, or is too much.
    Expired,
    /// Its id is beyond the end.
    Ahead,
    /// It reads too slowly.
    Overflow,
}

impl ResetReason {
    /// The contract's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Incarnation => "incarnation",
            Self::Expired => "expired",
            Self::Ahead => "ahead",
            Self::Overflow => "overflow",
        }
    }

    /// The payload of the `reset` event.
    pub fn payload(self) -> String {
        format!("{{\"reason\":\"{}\"}}", self.as_str())
    }
}

/// How a stream begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resume {
    /// With what comes.
    Live,
    /// With what came after this one.
    After(FrameId),
    /// With the word that something was missed.
    Reset(ResetReason),
}

/// Decides how to go on after the id that a client saw last.
pub fn plan(last_seen: Option<&str>, state: &RealtimeState) -> Resume {
    let Some(text) = last_seen else {
        return Resume::Live;
    };
    let Ok(id) = text.parse::<FrameId>() else {
        return Resume::Reset(ResetReason::Malformed);
    };
    if id.incarnation != state.incarnation_ms {
        Resume::Reset(ResetReason::Incarnation)
    } else if id.sequence > state.last {
        Resume::Reset(ResetReason::Ahead)
    } else if id.sequence == state.last {
        Resume::Live
    } else if id.sequence + 1 < state.first || state.last - id.sequence > MAX_GAP {
        Resume::Reset(ResetReason::Expired)
    } else {
        Resume::After(id)
    }
}

#[cfg(test)]
mod tests {
    use super::{ResetReason, Resume, plan};
    use rstest::rstest;
    use vigie_bus::RealtimeState;

    const STATE: RealtimeState = RealtimeState {
        incarnation_ms: 17,
        first: 10,
        last: 200_000,
    };

    #[rstest]
    #[case("17", ResetReason::Malformed)]
    #[case("", ResetReason::Malformed)]
    #[case("16-150000", ResetReason::Incarnation)]
    #[case("17-200001", ResetReason::Ahead)]
    #[case("17-8", ResetReason::Expired)]
    #[case("17-99999", ResetReason::Expired)]
    fn what_cannot_be_resumed_is_told(#[case] id: &str, #[case] reason: ResetReason) {
        assert_eq!(plan(Some(id), &STATE), Resume::Reset(reason));
    }

    #[test]
    fn what_can_be_resumed_is() {
        assert_eq!(plan(None, &STATE), Resume::Live);
        assert_eq!(plan(Some("17-200000"), &STATE), Resume::Live);
        assert!(matches!(plan(Some("17-100000"), &STATE), Resume::After(_)));
        let short = RealtimeState { last: 20, ..STATE };
        assert!(matches!(plan(Some("17-9"), &short), Resume::After(_)));
    }

    #[test]
    fn an_empty_stream_is_followed_from_its_beginning() {
        let empty = RealtimeState {
            incarnation_ms: 17,
            first: 1,
            last: 0,
        };
        assert_eq!(plan(Some("17-0"), &empty), Resume::Live);
    }
}
