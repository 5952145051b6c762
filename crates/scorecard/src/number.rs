//! JSON numbers as the contract writes and reads them: `0`, not `0.0`, and `2.0` where an integer
//! is meant, as models sometimes answer.

use serde::{Deserialize, Deserializer, Serializer, de::Error};

/// Beyond this a double no longer holds every integer.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// Writes a whole number without a fraction.
#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the signature serde calls"
)]
pub(crate) fn plain<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "whole and within the exact range"
    )]
    if value.fract() == 0.0 && value.abs() < EXACT {
        serializer.serialize_i64(*value as i64)
    } else {
        serializer.serialize_f64(*value)
    }
}

/// Reads a number, `null` as 0.
pub(crate) fn or_zero<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// Reads a whole number, written `2` or `2.0`; one that does not fit is cut to the nearest that
/// does, which as an index is simply one that does not exist.
pub(crate) fn whole<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i32, D::Error> {
    let number = f64::deserialize(deserializer)?;
    if number.fract() != 0.0 {
        return Err(D::Error::custom(format_args!("{number} is not an integer")));
    }
    #[expect(
        clippy::cast_possible_truncation,
        reason = "whole; `as` saturates, as documented"
    )]
    Ok(number as i32)
}

/// The length of a list as the contract's `int`.
pub(crate) fn count(length: usize) -> i32 {
    i32::try_from(length).unwrap_or(i32::MAX)
}
