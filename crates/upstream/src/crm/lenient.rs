//! Reads what the gateway meant, where it does not write what it promised.
//!
//! Numbers become text and text numbers; blank or missing becomes empty. Nothing here fails.

use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

/// A row that could not be used, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quarantined {
    /// The list it stood in.
    pub section: String,
    /// Its place there, from 0.
    pub index: usize,
    /// Why.
    pub reason: &'static str,
}

/// Text of a scalar; numbers and booleans are written out.
pub(super) fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Non-blank, trimmed text of a scalar: an id. A number too large to be exact is none: it would name another row.
pub(super) fn id(value: Option<&Value>) -> Option<String> {
    let value = value.filter(|value| !value.is_f64() && !value.is_boolean())?;
    let text = scalar(value)?;
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// A number or a numeric text, cut to an integer.
pub(super) fn integer(value: &Value) -> Option<i64> {
    let number = match value {
        Value::Number(number) => match number.as_i64() {
            Some(whole) => return Some(whole),
            None => number.as_f64()?,
        },
        Value::String(text) => text.trim().replace(',', ".").parse().ok()?,
        Value::Bool(_) | Value::Null | Value::Array(_) | Value::Object(_) => return None,
    };
    #[expect(
        clippy::cast_possible_truncation,
        reason = "cut to an integer on purpose, and bounded"
    )]
    let whole = (number.abs() < 9e15).then_some(number.trunc() as i64);
    whole
}

/// A boolean, 0/1, or a word for either.
pub(super) fn boolean(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(flag) => Some(*flag),
        Value::Number(number) => Some(number.as_f64() != Some(0.0)),
        Value::String(text) => match text.trim().to_ascii_lowercase().as_str() {
            "1" | "true" | "oui" | "yes" => Some(true),
            "0" | "false" | "non" | "no" => Some(false),
            _ => None,
        },
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Required text: `""` when there is none.
pub(super) fn text<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    Ok(scalar(&Value::deserialize(from)?).unwrap_or_default())
}

/// Nullable text, kept as it is.
pub(super) fn opt_text<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    Ok(scalar(&Value::deserialize(from)?))
}

/// Required integer: 0 when there is none.
pub(super) fn int<'de, D: Deserializer<'de>>(from: D) -> Result<i64, D::Error> {
    Ok(integer(&Value::deserialize(from)?).unwrap_or_default())
}

/// Nullable integer.
pub(super) fn opt_int<'de, D: Deserializer<'de>>(from: D) -> Result<Option<i64>, D::Error> {
    Ok(integer(&Value::deserialize(from)?))
}

/// Required boolean: `false` when there is none.
pub(super) fn flag<'de, D: Deserializer<'de>>(from: D) -> Result<bool, D::Error> {
    Ok(boolean(&Value::deserialize(from)?).unwrap_or_default())
}

/// Nullable boolean.
pub(super) fn opt_flag<'de, D: Deserializer<'de>>(from: D) -> Result<Option<bool>, D::Error> {
    Ok(boolean(&Value::deserialize(from)?))
}

/// A list of texts; anything else counts as empty.
pub(super) fn texts<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    let value = Value::deserialize(from)?;
    let rows = value.as_array().map(Vec::as_slice).unwrap_or_default();
    Ok(rows.iter().filter_map(scalar).collect())
}

/// Reads the rows of a list one by one. Unusable ones go to `quarantine`; what is no list counts as empty.
pub(super) fn rows<T>(
    section: &str,
    list: Option<Value>,
    quarantine: &mut Vec<Quarantined>,
    read: impl Fn(Map<String, Value>) -> Result<T, &'static str>,
) -> Vec<T> {
    let Some(Value::Array(list)) = list else {
        return Vec::new();
    };
    let mut good = Vec::with_capacity(list.len());
    for (index, row) in list.into_iter().enumerate() {
        let read = match row {
            Value::Object(row) => read(row),
            _ => Err("not an object"),
        };
        match read {
            Ok(row) => good.push(row),
            Err(reason) => quarantine.push(Quarantined {
                section: section.to_owned(),
                index,
                reason,
            }),
        }
    }
    good
}

/// Decodes a struct whose fields are all lenient.
pub(super) fn decode<T: serde::de::DeserializeOwned>(
    row: Map<String, Value>,
) -> Result<T, &'static str> {
    serde_json::from_value(Value::Object(row)).map_err(|_| "unreadable")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn scalars_are_coerced() {
        assert_eq!(
            id(Some(&json!(2_104_417_000_000_001_u64))).as_deref(),
            Some("2104417000000001")
        );
        assert_eq!(id(Some(&json!("  "))), None);
        assert_eq!(
            id(serde_json::from_str("70010000000000000001").ok().as_ref()),
            None
        );
        assert_eq!(integer(&json!(12.9)), Some(12));
        assert_eq!(integer(&json!("12,9")), Some(12));
        assert_eq!(integer(&json!("x")), None);
        assert_eq!(integer(&json!(1e300)), None);
        assert_eq!(boolean(&json!("Oui")), Some(true));
        assert_eq!(boolean(&json!(0)), Some(false));
        assert_eq!(boolean(&json!("peut-être")), None);
    }

    #[test]
    fn bad_rows_are_set_aside() {
        let mut bad = Vec::new();
        let list = json!([{"a": 1}, 7, {"b": 2}]);
        let good = rows("list", Some(list), &mut bad, |row| {
            row.get("a").and_then(Value::as_i64).ok_or("no a")
        });
        assert_eq!(good, [1]);
        assert_eq!(
            bad.iter().map(|b| (b.index, b.reason)).collect::<Vec<_>>(),
            [(1, "not an object"), (2, "no a")]
        );
    }
}
