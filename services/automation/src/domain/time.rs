//! Times as the contract writes them.

use chrono::{DateTime, SecondsFormat, Utc};

/// ISO-8601 UTC with milliseconds.
pub fn iso(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}
