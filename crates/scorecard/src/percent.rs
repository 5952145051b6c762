//! An exact percentage with two decimals.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::number;

/// A percentage in hundredths, as in the `decimal(5,2)` columns.
///
/// Shown without trailing zeros (`"87.5"`, `"100"`, `"0"`); a plain number in JSON payloads.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, JsonSchema)]
#[schemars(with = "f64")]
pub struct Percent(i64);

/// A text that is no percentage with at most two decimals.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a percentage with two decimals")]
pub struct NotAPercent(String);

impl Percent {
    /// `100 × obtained / total`, exact ties up; 0 when there is nothing to obtain (5.5).
    pub fn of(obtained: i64, total: i64) -> Self {
        if total <= 0 {
            return Self(0);
        }
        // floor(x + 1/2), which is "ties up" for negative x too.
        let doubled = 20_000 * i128::from(obtained) + i128::from(total);
        let hundredths = doubled.div_euclid(2 * i128::from(total));
        Self(i64::try_from(hundredths).unwrap_or(i64::MAX))
    }

    /// From hundredths.
    pub const fn from_hundredths(hundredths: i64) -> Self {
        Self(hundredths)
    }

    /// In hundredths.
    pub const fn hundredths(self) -> i64 {
        self.0
    }

    /// As the double nearest to it.
    #[expect(clippy::cast_precision_loss, reason = "a percentage is far below 2^52")]
    pub fn as_f64(self) -> f64 {
        self.0 as f64 / 100.0
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let (whole, rest) = (self.0.unsigned_abs() / 100, self.0.unsigned_abs() % 100);
        match (rest, rest % 10) {
            (0, _) => write!(f, "{sign}{whole}"),
            (_, 0) => write!(f, "{sign}{whole}.{}", rest / 10),
            _ => write!(f, "{sign}{whole}.{rest:02}"),
        }
    }
}

impl FromStr for Percent {
    type Err = NotAPercent;

    fn from_str(text: &str) -> Result<Self, NotAPercent> {
        let error = || NotAPercent(text.to_owned());
        let (negative, digits) = text
            .strip_prefix('-')
            .map_or((false, text), |rest| (true, rest));
        let (whole, decimals) = digits.split_once('.').unwrap_or((digits, "0"));
        let only_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if !only_digits(whole) || !only_digits(decimals) || decimals.len() > 2 {
            return Err(error());
        }
        let hundredths = format!("{whole}{decimals:0<2}")
            .parse::<i64>()
            .map_err(|_| error())?;
        Ok(Self(if negative { -hundredths } else { hundredths }))
    }
}

impl Serialize for Percent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        number::plain(&self.as_f64(), serializer)
    }
}

impl<'de> Deserialize<'de> for Percent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let percent = f64::deserialize(deserializer)?;
        #[expect(clippy::cast_possible_truncation, reason = "rounded; `as` saturates")]
        Ok(Self((percent * 100.0).round() as i64))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(1, 32, "3.13")]
    #[case(2, 3, "66.67")]
    #[case(18_000, 20_001, "90")]
    #[case(7, 8, "87.5")]
    #[case(1, 100, "1")]
    #[case(1, 2000, "0.05")]
    #[case(50, 50, "100")]
    #[case(0, 0, "0")]
    #[case(-1, 3, "-33.33")]
    fn rounds_half_up_and_shows_no_trailing_zeros(
        #[case] obtained: i64,
        #[case] total: i64,
        #[case] shown: &str,
    ) {
        assert_eq!(Percent::of(obtained, total).to_string(), shown);
    }

    #[rstest]
    #[case("87.50", Some(8750))]
    #[case("100", Some(10_000))]
    #[case("-0.05", Some(-5))]
    #[case("1.234", None)]
    #[case("", None)]
    #[case(".5", None)]
    #[case("1.", None)]
    #[case("+1", None)]
    fn reads_decimals(#[case] text: &str, #[case] hundredths: Option<i64>) {
        assert_eq!(text.parse().ok(), hundredths.map(Percent::from_hundredths));
    }

    #[test]
    fn is_a_plain_number_in_json() {
        assert_eq!(serde_json::to_string(&Percent(7400)).unwrap(), "74");
        assert_eq!(serde_json::to_string(&Percent(6667)).unwrap(), "66.67");
    }

    proptest! {
        #[test]
        fn text_and_json_read_back(hundredths in -1_000_000_i64..1_000_000) {
            let percent = Percent(hundredths);
            prop_assert_eq!(percent.to_string().parse(), Ok(percent));
            let json = serde_json::to_string(&percent).unwrap();
            prop_assert_eq!(serde_json::from_str::<Percent>(&json).unwrap(), percent);
        }

        #[test]
        fn is_within_half_a_hundredth(obtained in 0_i64..10_000, total in 1_i64..10_000) {
            let doubled_error = 2 * (Percent::of(obtained, total).hundredths() * total - 10_000 * obtained);
            prop_assert!(-total < doubled_error && doubled_error <= total);
        }
    }
}
