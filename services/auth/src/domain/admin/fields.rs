//! What a request may say, field by field.

use chrono::{DateTime, Utc};
use std::ops::RangeInclusive;
use vigie_events::ids::UserId;

/// A refused field: where, and what of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refused {
    /// `name`, `role_keys[0]`, `query.limit`, …
    pub path: String,
    /// For a person.
    pub message: String,
}

impl Refused {
    /// One refused field.
    pub fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            message: message.into(),
        }
    }
}

/// A part of a change that null clears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edit {
    /// It was not sent: what is there stays.
    Unsent,
    /// What it is to be; none when null was sent.
    To(Option<String>),
}

impl Edit {
    /// Whether it was sent.
    pub fn is_sent(&self) -> bool {
        *self != Self::Unsent
    }

    /// What it is after the change.
    pub fn over(self, before: Option<&str>) -> Option<String> {
        match self {
            Self::Unsent => before.map(str::to_owned),
            Self::To(after) => after,
        }
    }
}

/// A text, trimmed, with so many characters.
pub fn text(path: &str, value: &str, length: RangeInclusive<usize>) -> Result<String, Refused> {
    let value = value.trim();
    if length.contains(&value.chars().count()) {
        return Ok(value.to_owned());
    }
    let (least, most) = (length.start(), length.end());
    let message = format!("{path} must have {least} to {most} characters");
    Err(Refused::new(path, message))
}

/// A text that is not blank, whatever its length.
pub fn filled(path: &str, value: &str) -> Result<String, Refused> {
    text(path, value, 1..=500).map_err(|_| Refused::new(path, format!("{path} must not be blank")))
}

/// The id in a path: strictly `[1-9][0-9]{0,18}` within 64 bits.
pub fn id(kind: &str, value: &str) -> Result<i64, Refused> {
    let parsed = value.parse().map(UserId::get);
    parsed.map_err(|_| Refused::new(format!("{kind}Id"), format!("Invalid {kind} id")))
}

/// A page size.
pub fn limit(value: i64) -> Result<i64, Refused> {
    let allowed = (1..=200).contains(&value);
    allowed
        .then_some(value)
        .ok_or_else(|| Refused::new("query.limit", "limit must be from 1 to 200"))
}

/// A cursor that an earlier page gave: the id of its last row.
pub fn cursor(value: &str) -> Result<i64, Refused> {
    id("cursor", value).map_err(|_| Refused::new("query.cursor", "Invalid cursor"))
}

/// A moment, RFC 3339.
pub fn moment(path: &str, value: &str) -> Result<DateTime<Utc>, Refused> {
    DateTime::parse_from_rfc3339(value.trim())
        .map(|at| at.to_utc())
        .map_err(|_| Refused::new(path, format!("{path} must be an RFC 3339 date and time")))
}

/// The keys of roles: at least one, none blank. Of doubles the contract says that they are unknown.
pub fn role_keys(values: &[String]) -> Result<Vec<String>, Refused> {
    if values.is_empty() {
        return Err(Refused::new("role_keys", "role_keys must not be empty"));
    }
    let key = |(place, key): (usize, &String)| filled(&format!("role_keys[{place}]"), key);
    values.iter().enumerate().map(key).collect()
}

/// The key of a new role.
pub fn role_key(value: &str) -> Result<String, Refused> {
    let key = text("key", value, 1..=80)?;
    let plain = |c: char| c.is_ascii_alphanumeric() || "._:-".contains(c);
    if key.chars().all(plain) {
        return Ok(key);
    }
    Err(Refused::new(
        "key",
        "key may have letters, digits, '.', '_', ':' and '-' only",
    ))
}

#[cfg(test)]
mod tests {
    use super::{cursor, id, limit, role_key, role_keys, text};

    #[test]
    fn ids_are_plain_decimals_within_64_bits() {
        assert_eq!(id("user", "12"), Ok(12));
        for bad in [
            "",
            "0",
            "-1",
            "012",
            "0x1f",
            "1e3",
            "9223372036854775808",
            " 1",
        ] {
            let refused = id("role", bad).unwrap_err();
            assert_eq!(refused.message, "Invalid role id", "{bad}");
        }
    }

    #[test]
    fn texts_are_trimmed_and_measured_in_characters() {
        assert_eq!(text("name", " é ", 1..=1), Ok("é".to_owned()));
        assert!(text("name", "  ", 1..=200).is_err());
        assert!(text("name", &"é".repeat(201), 1..=200).is_err());
    }

    #[test]
    fn role_keys_are_plain() {
        assert_eq!(
            role_key("Team.lead_1:x-y"),
            Ok("Team.lead_1:x-y".to_owned())
        );
        assert!(role_key("team lead").is_err());
        assert!(role_keys(&[]).is_err());
        assert_eq!(
            role_keys(&["a".into(), " ".into()]).unwrap_err().path,
            "role_keys[1]"
        );
    }

    #[test]
    fn pages_have_bounds() {
        assert!(limit(0).is_err() && limit(201).is_err() && limit(200).is_ok());
        assert!(cursor("x").is_err());
    }
}
