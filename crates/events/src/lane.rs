use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Who waits for a piece of work. Each lane has its own consumer, so that a nightly run never
/// delays a click. A command sent while handling another keeps its lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Lane {
    /// Asked for by a person.
    Interactive,
    /// Asked for by a schedule or a batch.
    Bulk,
}

impl Lane {
    /// Both lanes, the one that workers serve first in front.
    pub const ALL: [Self; 2] = [Self::Interactive, Self::Bulk];

    /// The subject token and database text of this lane.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Interactive => "interactive",
            Self::Bulk => "bulk",
        }
    }
}

impl fmt::Display for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Lane {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "interactive" => Ok(Self::Interactive),
            "bulk" => Ok(Self::Bulk),
            other => Err(format!("unknown lane {other:?}")),
        }
    }
}
