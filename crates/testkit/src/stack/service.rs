//! The seven services and what each is given.

use crate::Schema;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// One of the services.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Service {
    /// Identity; started first.
    Auth,
    /// The CRM's cache.
    FicheCache,
    /// Speech to text.
    Transcription,
    /// The audit workflow.
    AuditOrchestrator,
    /// The model's caller.
    StepAnalyzer,
    /// Schedules and runs.
    Automation,
    /// The public door; started last.
    Gateway,
}

impl Service {
    /// All, in the order of their start.
    pub const ALL: [Self; 7] = [
        Self::Auth,
        Self::FicheCache,
        Self::Transcription,
        Self::AuditOrchestrator,
        Self::StepAnalyzer,
        Self::Automation,
        Self::Gateway,
    ];

    /// Its name, as in the environment, logs and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::FicheCache => "fiche-cache",
            Self::Transcription => "transcription",
            Self::AuditOrchestrator => "audit-orchestrator",
            Self::StepAnalyzer => "step-analyzer",
            Self::Automation => "automation",
            Self::Gateway => "gateway",
        }
    }

    /// The file name of its executable.
    pub fn binary(self) -> String {
        format!("vigie-{}", self.name())
    }

    /// The variable that tells others where it listens, when it has a gRPC port.
    pub const fn url_variable(self) -> Option<&'static str> {
        match self {
            Self::Auth => Some("AUTH_GRPC_URL"),
            Self::FicheCache => Some("FICHE_CACHE_GRPC_URL"),
            Self::Transcription => Some("TRANSCRIPTION_GRPC_URL"),
            Self::AuditOrchestrator => Some("AUDIT_ORCHESTRATOR_GRPC_URL"),
            Self::StepAnalyzer => Some("STEP_ANALYZER_GRPC_URL"),
            Self::Automation => Some("AUTOMATION_GRPC_URL"),
            Self::Gateway => None,
        }
    }

    /// The schema it owns, when it has one.
    pub const fn schema(self) -> Option<Schema> {
        match self {
            Self::Auth => Some(Schema::Auth),
            Self::FicheCache => Some(Schema::Fiche),
            Self::Transcription => Some(Schema::Transcription),
            Self::AuditOrchestrator => Some(Schema::Audit),
            Self::Automation => Some(Schema::Automation),
            Self::StepAnalyzer | Self::Gateway => None,
        }
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Service {
    type Err = anyhow::Error;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|service| service.name() == name);
        found.ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            anyhow::anyhow!("no service `{name}` (there are {names})")
        })
    }
}

/// One process of a service, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Replica {
    /// The service.
    pub service: Service,
    /// Which of its processes.
    pub number: usize,
}

impl fmt::Display for Replica {
    /// The service's name; its second process is `name-2`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.number {
            1 => f.write_str(self.service.name()),
            number => write!(f, "{}-{number}", self.service),
        }
    }
}
