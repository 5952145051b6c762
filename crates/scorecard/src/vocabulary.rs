//! The closed word lists of the contract (1.3, 5.6), with their exact spelling.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A word that is not in its list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown {list} {word:?}")]
pub struct UnknownWord {
    /// Name of the list.
    pub list: &'static str,
    /// The word met.
    pub word: String,
}

/// An enumeration whose variants are spelled once, for JSON, text columns and messages alike.
macro_rules! words {
    (
        $(#[$meta:meta])* $name:ident {
            $($(#[$variant_meta:meta])* $variant:ident = $word:literal),+ $(,)?
        }
    ) => {
        $(#[$meta])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
            JsonSchema,
        )]
        pub enum $name {
            $($(#[$variant_meta])* #[serde(rename = $word)] $variant,)+
        }

        impl $name {
            /// Every word of the list, in the order of declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word as it stands on the wire and in text columns.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = UnknownWord;

            fn from_str(word: &str) -> Result<Self, UnknownWord> {
                match word {
                    $($word => Ok(Self::$variant),)+
                    _ => Err(UnknownWord { list: stringify!($name), word: word.to_owned() }),
                }
            }
        }
    };
}

/// Defensive reading of stored text (end of 1.3): the harshest word stands in for an unknown one.
macro_rules! read_defensively {
    ($($name:ident => $fallback:ident),+ $(,)?) => {$(
        impl $name {
            /// Reads a stored word; an unknown one is told to `warn` and read as the harshest.
            pub fn from_stored(word: &str, warn: impl FnOnce(&UnknownWord)) -> Self {
                word.parse().unwrap_or_else(|unknown| {
                    warn(&unknown);
                    Self::$fallback
                })
            }
        }
    )+};
}

words! {
    /// Conformity of a step, from worst to best, so that `<` means "strictly worse" (5.3 i).
    Conforme {
        /// Below 0.40 of the applicable points.
        NonConforme = "NON_CONFORME",
        /// At least 0.40.
        Partiel = "PARTIEL",
        /// At least 0.85.
        Conforme = "CONFORME",
    }
}

words! {
    /// Level of a step (end of 5.3) or of a completed audit (5.5).
    Niveau {
        /// Everything asked is there, or nearly.
        Excellent = "EXCELLENT",
        /// Good.
        Bon = "BON",
        /// Passable.
        Acceptable = "ACCEPTABLE",
        /// Too much is missing.
        Insuffisant = "INSUFFISANT",
        /// A critical step did not pass.
        Rejet = "REJET",
    }
}

words! {
    /// Level of an audit in any state: `PENDING` until it completes, and for good if it fails.
    AuditNiveau {
        /// Not completed.
        Pending = "PENDING",
        /// Everything asked is there, or nearly.
        Excellent = "EXCELLENT",
        /// Good.
        Bon = "BON",
        /// Passable.
        Acceptable = "ACCEPTABLE",
        /// Too much is missing.
        Insuffisant = "INSUFFISANT",
        /// A critical step did not pass.
        Rejet = "REJET",
    }
}

words! {
    /// Status of an audit in the contract.
    AuditStatus {
        /// Requested.
        Pending = "pending",
        /// Being worked on.
        Running = "running",
        /// Scored.
        Completed = "completed",
        /// Given up.
        Failed = "failed",
    }
}

words! {
    /// Answer to a control point in the contract's four words.
    Statut {
        /// Proven by a quote.
        Present = "PRESENT",
        /// Not found.
        Absent = "ABSENT",
        /// Touched upon.
        Partiel = "PARTIEL",
        /// The point does not concern this call.
        NonApplicable = "NON_APPLICABLE",
    }
}

words! {
    /// What is really known about a control point (5.6): a failure is never a verdict.
    Verdict {
        /// Proven by a quote.
        Present = "PRESENT",
        /// Touched upon.
        Partiel = "PARTIEL",
        /// Looked for and not found.
        Absent = "ABSENT",
        /// The point does not concern this call.
        NonApplicable = "NON_APPLICABLE",
        /// Claimed without a verifiable quote, or part of the call is not in the transcript.
        Unverifiable = "UNVERIFIABLE",
        /// The analysis of this point failed.
        Error = "ERROR",
    }
}

words! {
    /// Who decided the value shown.
    VerdictSource {
        /// The analysis.
        Ai = "ai",
        /// A reviewer, whose decision is in force.
        Human = "human",
    }
}

words! {
    /// Severity of a step.
    Severity {
        /// 2 to 4 points, as a guide.
        Low = "LOW",
        /// 5 or 6 points.
        Medium = "MEDIUM",
        /// 7 to 9 points.
        High = "HIGH",
        /// 10 points.
        Critical = "CRITICAL",
    }
}

words! {
    /// How a step's analysis ended technically (W-14).
    Outcome {
        /// The engine answered.
        Ok = "ok",
        /// It did not: the stored result is the fallback of 4.6.
        Fallback = "fallback",
    }
}

words! {
    /// Whether anything was missing when an audit was scored (5.6).
    Completeness {
        /// Every point was answered over the whole call.
        Complete = "complete",
        /// A point failed or a recording is missing.
        Incomplete = "incomplete",
    }
}

read_defensively! {
    Conforme => NonConforme,
    Niveau => Insuffisant,
    AuditNiveau => Insuffisant,
    AuditStatus => Failed,
}

impl From<Niveau> for AuditNiveau {
    fn from(niveau: Niveau) -> Self {
        match niveau {
            Niveau::Excellent => Self::Excellent,
            Niveau::Bon => Self::Bon,
            Niveau::Acceptable => Self::Acceptable,
            Niveau::Insuffisant => Self::Insuffisant,
            Niveau::Rejet => Self::Rejet,
        }
    }
}

impl From<Statut> for Verdict {
    fn from(statut: Statut) -> Self {
        match statut {
            Statut::Present => Self::Present,
            Statut::Partiel => Self::Partiel,
            Statut::Absent => Self::Absent,
            Statut::NonApplicable => Self::NonApplicable,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_read_back_and_equal_their_json() {
        for statut in Statut::ALL {
            assert_eq!(statut.as_str().parse(), Ok(*statut));
            assert_eq!(serde_json::to_value(statut).unwrap(), statut.as_str());
        }
        for conforme in Conforme::ALL {
            assert_eq!(serde_json::to_value(conforme).unwrap(), conforme.as_str());
        }
    }

    #[test]
    fn unknown_stored_words_are_read_as_the_harshest() {
        let mut warned = 0;
        assert_eq!(
            Conforme::from_stored("OUI", |_| warned += 1),
            Conforme::NonConforme
        );
        assert_eq!(
            Niveau::from_stored("", |_| warned += 1),
            Niveau::Insuffisant
        );
        assert_eq!(
            AuditNiveau::from_stored("bon", |_| warned += 1),
            AuditNiveau::Insuffisant
        );
        assert_eq!(
            AuditStatus::from_stored("done", |_| warned += 1),
            AuditStatus::Failed
        );
        assert_eq!(warned, 4);
        assert_eq!(
            AuditNiveau::from_stored("PENDING", |_| unreachable!()),
            AuditNiveau::Pending
        );
    }

    #[test]
    fn conforme_is_ordered_from_worst_to_best() {
        assert!(
            Conforme::NonConforme < Conforme::Partiel && Conforme::Partiel < Conforme::Conforme
        );
    }
}
