//! Times as the contract writes and reads them.

use chrono::{DateTime, NaiveDateTime, SecondsFormat, Utc};

/// ISO-8601 UTC with milliseconds.
pub fn iso(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// A date and a time; without an offset it is UTC.
pub fn parse(text: &str) -> Option<DateTime<Utc>> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Some(time.to_utc());
    }
    let time = NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f").ok()?;
    Some(time.and_utc())
}

#[cfg(test)]
mod tests {
    use super::{iso, parse};

    #[test]
    fn times_are_read_with_and_without_an_offset() {
        for text in [
            "2026-01-05T10:00:00.120Z",
            "2026-01-05T11:00:00.12+01:00",
            "2026-01-05T10:00:00.12",
        ] {
            assert_eq!(parse(text).map(iso).unwrap(), "2026-01-05T10:00:00.120Z");
        }
        for text in ["", "2026-01-05", "hier", "2026-13-05T10:00:00Z"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
