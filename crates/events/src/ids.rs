//! Ids as types. Database ids are 64-bit integers and travel as decimal strings.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;
use std::str::FromStr;

/// An id that is not what its type says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidId {
    /// Which kind of id was expected.
    pub kind: &'static str,
}

impl fmt::Display for InvalidId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "invalid {}", self.kind)
    }
}

impl std::error::Error for InvalidId {}

macro_rules! database_id {
    ($(#[$doc:meta])* $name:ident, $kind:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, JsonSchema)]
        #[schemars(with = "String")]
        pub struct $name(i64);

        impl $name {
            /// Wraps a key read from the database.
            pub const fn new(id: i64) -> Self {
                Self(id)
            }

            /// The key as stored.
            pub const fn get(self) -> i64 {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            /// Strictly `[1-9][0-9]{0,18}` within 64 bits.
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                let invalid = InvalidId { kind: $kind };
                let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
                if !digits || text.starts_with('0') {
                    return Err(invalid);
                }
                text.parse().map(Self).map_err(|_| invalid)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
            }
        }
    };
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $valid:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, JsonSchema)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                let valid: fn(&str) -> bool = $valid;
                let text = text.trim();
                if valid(text) { Ok(Self(text.to_owned())) } else { Err(InvalidId { kind: $kind }) }
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
            }
        }
    };
}

database_id!(
    /// An audit row (`audit_db_id`).
    AuditId, "audit_id");
database_id!(
    /// An audit configuration.
    AuditConfigId, "audit_config_id");
database_id!(
    /// A user account.
    UserId, "user id");
database_id!(
    /// A row of the fiche cache.
    FicheCacheId, "fiche cache id");
database_id!(
    /// An automation schedule.
    ScheduleId, "schedule id");
database_id!(
    /// One run of a schedule.
    AutomationRunId, "run id");

text_id!(
    /// A sale file of the CRM. Any short text without blanks: the CRM decides what its ids are.
    FicheId, "fiche_id", |t| !t.is_empty()
        && t.len() <= 64
        && !t.contains(|c: char| c.is_whitespace() || c.is_control()));
text_id!(
    /// A recording of a fiche; unique within its fiche only.
    CallId, "call_id", |t| !t.is_empty() && t.len() <= 200);
text_id!(
    /// The id an audit is known by before its row is read: the `ce-id` of its `audit/run`.
    TrackingId, "audit tracking id", |t| !t.is_empty() && t.len() <= 200);

impl TrackingId {
    /// Of an audit asked for over HTTP: `audit-{fiche}-{config}-{epoch ms}`.
    pub fn of_request(fiche: &FicheId, config: AuditConfigId, epoch_ms: i64) -> Self {
        Self(format!("audit-{fiche}-{config}-{epoch_ms}"))
    }

    /// Of a member of a batch.
    pub fn of_batch(batch: &str, fiche: &FicheId, config: AuditConfigId) -> Self {
        Self(format!("batch-{batch}-audit-{fiche}-{config}"))
    }

    /// Of an audit asked for by an automation run, retried `retry` times.
    pub fn of_automation(
        run: AutomationRunId,
        fiche: &FicheId,
        config: AuditConfigId,
        retry: u32,
    ) -> Self {
        let id = format!("automation-{run}-audit-{fiche}-{config}");
        Self(if retry == 0 {
            id
        } else {
            format!("{id}-retry-{retry}")
        })
    }
}

impl FicheId {
    /// Whether this is an id of the CRM as the fiche routes accept it: digits only.
    pub fn is_numeric(&self) -> bool {
        self.0.bytes().all(|b| b.is_ascii_digit())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn database_ids_are_strict() {
        assert_eq!("9031".parse::<AuditId>().map(AuditId::get), Ok(9031));
        for bad in [
            "",
            "0",
            "01",
            "-1",
            "+1",
            "1 ",
            "0x1",
            "9223372036854775808",
            "1.0",
        ] {
            assert!(bad.parse::<AuditId>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_fiche_id_can_be_written_anywhere() {
        assert_eq!(" 4410027 ".parse::<FicheId>().unwrap().as_str(), "4410027");
        for bad in ["", " ", "a b", "a\u{0}b", "a\u{7}"] {
            assert!(bad.parse::<FicheId>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn ids_travel_as_strings() {
        assert_eq!(serde_json::to_string(&AuditId::new(7)).unwrap(), "\"7\"");
        assert_eq!(
            serde_json::from_str::<AuditId>("\"7\"").unwrap(),
            AuditId::new(7)
        );
        assert!(serde_json::from_str::<AuditId>("7").is_err());
    }
}
