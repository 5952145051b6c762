//! Reading the parameters of a list, by kind.

use super::{InvalidQuery, Range, SortBy, TimeRange, Until};
use crate::domain::cursor::Cursor;
use crate::domain::time;
use chrono::{DateTime, Days, NaiveDate, Utc};
use std::collections::HashMap;
use std::num::IntErrorKind;
use std::str::FromStr;

/// The parameters as received.
pub(super) struct Query<'a>(pub(super) &'a HashMap<String, String>);

impl Query<'_> {
    pub(super) fn raw(&self, name: &str) -> Option<&str> {
        self.0
            .get(name)
            .map(|value| value.trim())
            .filter(|value| !value.is_empty())
    }

    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.raw(name).map(ToOwned::to_owned)
    }

    pub(super) fn csv(&self, name: &str) -> Vec<String> {
        let items = self.raw(name).unwrap_or_default().split(',').map(str::trim);
        items
            .filter(|item| !item.is_empty())
            .map(ToOwned::to_owned)
            .collect()
    }

    /// Items that parse; the others are ignored.
    pub(super) fn parsed_csv<T: FromStr>(&self, name: &str) -> Vec<T> {
        self.csv(name)
            .iter()
            .filter_map(|item| item.parse().ok())
            .collect()
    }

    pub(super) fn words(&self, name: &str, known: &[&str]) -> Vec<String> {
        self.csv(name)
            .into_iter()
            .filter(|word| known.contains(&word.as_str()))
            .collect()
    }

    /// `true` is true, anything else is false, absent is no filter.
    pub(super) fn flag(&self, name: &str) -> Option<bool> {
        self.raw(name).map(|value| value == "true")
    }

    /// A number that is ignored when it does not parse.
    fn lenient<T: FromStr>(&self, name: &str) -> Option<T> {
        self.raw(name).and_then(|value| value.parse().ok())
    }

    /// The same; what stands for no number is none.
    pub(super) fn finite(&self, name: &str) -> Option<f64> {
        self.lenient(name).filter(|number: &f64| number.is_finite())
    }

    pub(super) fn cursor(
        &self,
        name: &'static str,
        sort_by: SortBy,
        ascending: bool,
    ) -> Result<Option<Cursor>, InvalidQuery> {
        let invalid = InvalidQuery { parameter: name };
        self.raw(name)
            .map(|text| Cursor::decode(text, sort_by, ascending).ok_or(invalid))
            .transpose()
    }

    /// A whole number; one that is beyond all bounds is the largest, or the smallest.
    pub(super) fn strict(&self, name: &'static str) -> Result<Option<i64>, InvalidQuery> {
        let number = |value: &str| match value.parse::<i64>() {
            Ok(number) => Ok(number),
            Err(error) => match error.kind() {
                IntErrorKind::PosOverflow => Ok(i64::MAX),
                IntErrorKind::NegOverflow => Ok(i64::MIN),
                _ => Err(InvalidQuery { parameter: name }),
            },
        };
        self.raw(name).map(number).transpose()
    }

    /// A range of counts: unparsable is ignored, negative is an error.
    pub(super) fn counts(
        &self,
        from: &'static str,
        to: &'static str,
    ) -> Result<Range<i64>, InvalidQuery> {
        let bound = |parameter| match self.lenient::<i64>(parameter) {
            Some(count) if count < 0 => Err(InvalidQuery { parameter }),
            other => Ok(other),
        };
        Ok(Range {
            from: bound(from)?,
            to: bound(to)?,
        })
    }

    /// Items that all have to be dates.
    pub(super) fn dates(&self, name: &'static str) -> Result<Vec<NaiveDate>, InvalidQuery> {
        let invalid = |_| InvalidQuery { parameter: name };
        let items = self.csv(name);
        let dates = items.iter().map(|item| item.parse().map_err(invalid));
        dates.collect()
    }

    pub(super) fn date(&self, name: &'static str) -> Result<Option<NaiveDate>, InvalidQuery> {
        let invalid = |_| InvalidQuery { parameter: name };
        self.raw(name)
            .map(|value| value.parse().map_err(invalid))
            .transpose()
    }

    pub(super) fn times(
        &self,
        from: &'static str,
        to: &'static str,
    ) -> Result<TimeRange, InvalidQuery> {
        let start = self.time(from)?.map(|time| match time {
            Time::Day(day) => midnight(day),
            Time::Instant(instant) => instant,
        });
        let end = self.time(to)?.map(|time| match time {
            Time::Instant(instant) => Until::Including(instant),
            Time::Day(day) => {
                let next = day.checked_add_days(Days::new(1)).unwrap_or(day);
                Until::Before(midnight(next))
            }
        });
        Ok(TimeRange {
            from: start,
            to: end,
        })
    }

    fn time(&self, name: &'static str) -> Result<Option<Time>, InvalidQuery> {
        let Some(value) = self.raw(name) else {
            return Ok(None);
        };
        if let Ok(day) = value.parse::<NaiveDate>() {
            return Ok(Some(Time::Day(day)));
        }
        let instant = time::parse(value).ok_or(InvalidQuery { parameter: name })?;
        Ok(Some(Time::Instant(instant)))
    }
}

enum Time {
    Day(NaiveDate),
    Instant(DateTime<Utc>),
}

fn midnight(day: NaiveDate) -> DateTime<Utc> {
    day.and_time(chrono::NaiveTime::MIN).and_utc()
}
