//! Which audit an answer is for: prerequisites are asked for with ids that name the audit.

use vigie_events::ids::AuditId;

/// What an audit asks other services for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prerequisite {
    /// `audit-<id>-fetch`.
    Fetch,
    /// `audit-<id>-transcribe`.
    Transcribe,
}

impl Prerequisite {
    const fn word(self) -> &'static str {
        match self {
            Self::Fetch => "fetch",
            Self::Transcribe => "transcribe",
        }
    }

    /// The audit that asked under this id, with or without `-again-<n>`. `None` when it is not
    /// one of ours.
    pub fn audit_of(self, request_id: &str) -> Option<AuditId> {
        let (id, rest) = request_id.strip_prefix("audit-")?.split_once('-')?;
        let suffix = rest.strip_prefix(self.word())?;
        let repeated = |n: &str| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit());
        let known = suffix.is_empty() || suffix.strip_prefix("-again-").is_some_and(repeated);
        known.then(|| id.parse().ok()).flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_audits_are_recognised() {
        let fetch = |id| Prerequisite::Fetch.audit_of(id).map(AuditId::get);
        assert_eq!(fetch("audit-12-fetch"), Some(12));
        assert_eq!(fetch("audit-12-fetch-again-3"), Some(12));
        for other in [
            "audit-12-transcribe",
            "audit-12-fetch-again-",
            "audit-12-fetch-retry-1",
            "audit-x-fetch",
            "automation-12-fetch-44",
            "transcription-12-fetch",
            "",
        ] {
            assert_eq!(fetch(other), None, "{other}");
        }
        let id = Prerequisite::Transcribe.audit_of("audit-7-transcribe");
        assert_eq!(id, Some(AuditId::new(7)));
    }
}
