//! Ids as they stand in paths and bodies.

use serde_json::Value;

/// One or more digits.
pub fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// A database id: `[1-9][0-9]{0,18}` within 64 bits.
pub fn database_id(text: &str) -> Option<i64> {
    let good = is_digits(text) && !text.starts_with('0');
    text.parse().ok().filter(|_| good)
}

/// A database id in a body: a number or a string of digits.
pub fn database_id_in(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64().filter(|id| *id > 0),
        Value::String(text) => database_id(text.trim()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{database_id, database_id_in};
    use rstest::rstest;
    use serde_json::{Value, json};

    #[rstest]
    #[case("1", Some(1))]
    #[case("9223372036854775807", Some(i64::MAX))]
    #[case("9223372036854775808", None)]
    #[case("0", None)]
    #[case("007", None)]
    #[case("+7", None)]
    #[case("0x7", None)]
    #[case("7 ", None)]
    #[case("", None)]
    fn ids_are_plain_decimals(#[case] text: &str, #[case] id: Option<i64>) {
        assert_eq!(database_id(text), id);
    }

    #[rstest]
    #[case(json!(31), Some(31))]
    #[case(json!(" 31 "), Some(31))]
    #[case(json!(3.5), None)]
    #[case(json!(-1), None)]
    #[case(json!(true), None)]
    fn ids_in_bodies_are_numbers_or_digits(#[case] value: Value, #[case] id: Option<i64>) {
        assert_eq!(database_id_in(&value), id);
    }
}
