use std::fmt;
use std::str::FromStr;

/// One of Vigie's services, as it is named in tokens, logs, addresses and consumers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ServiceName {
    /// The public door.
    Gateway,
    /// Accounts, sessions, keys.
    Auth,
    /// Fiches from the CRM.
    FicheCache,
    /// Speech to text.
    Transcription,
    /// Audits.
    AuditOrchestrator,
    /// Step analyses by a language model.
    StepAnalyzer,
    /// Schedules and runs.
    Automation,
}

/// A name that no service has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown service")]
pub struct UnknownService;

impl ServiceName {
    /// Every service.
    pub const ALL: [Self; 7] = [
        Self::Gateway,
        Self::Auth,
        Self::FicheCache,
        Self::Transcription,
        Self::AuditOrchestrator,
        Self::StepAnalyzer,
        Self::Automation,
    ];

    /// The name, in kebab case.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::Auth => "auth",
            Self::FicheCache => "fiche-cache",
            Self::Transcription => "transcription",
            Self::AuditOrchestrator => "audit-orchestrator",
            Self::StepAnalyzer => "step-analyzer",
            Self::Automation => "automation",
        }
    }
}

impl fmt::Display for ServiceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for ServiceName {
    type Err = UnknownService;

    fn from_str(text: &str) -> Result<Self, UnknownService> {
        Self::ALL
            .into_iter()
            .find(|name| name.as_str() == text)
            .ok_or(UnknownService)
    }
}
