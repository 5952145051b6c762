//! Reads the properties of a JSON object and collects every problem with its path.

use serde_json::{Map, Value};
use vigie_service::Detail;

/// An object being read. Unknown properties are ignored; null is refused where a value may be
/// absent.
#[derive(Debug)]
pub struct Fields<'a> {
    object: Option<&'a Map<String, Value>>,
    path: String,
    problems: Vec<Detail>,
}

impl<'a> Fields<'a> {
    /// Reads `value`, which is to be an object.
    pub fn of(value: &'a Value, path: &str) -> Self {
        let mut fields = Self {
            object: value.as_object(),
            path: path.to_owned(),
            problems: Vec::new(),
        };
        if fields.object.is_none() {
            fields.problems.push(Detail {
                path: path.to_owned(),
                code: "invalid_type".to_owned(),
                message: "Expected an object".to_owned(),
            });
        }
        fields
    }

    /// The value of a property as it is.
    pub fn raw(&self, name: &str) -> Option<&'a Value> {
        self.object?.get(name)
    }

    /// Notes a problem.
    pub fn problem(&mut self, name: &str, code: &str, message: impl Into<String>) {
        self.problems.push(Detail {
            path: format!("{}.{name}", self.path),
            code: code.to_owned(),
            message: message.into(),
        });
    }

    /// Takes over the problems of an inner object.
    pub fn merge(&mut self, problems: Vec<Detail>) {
        self.problems.extend(problems);
    }

    /// The problems, none when the object is as it should be.
    pub fn into_problems(self) -> Vec<Detail> {
        self.problems
    }

    /// A text.
    pub fn text(&mut self, name: &str) -> Option<String> {
        let value = self.raw(name)?;
        let text = value.as_str().map(ToOwned::to_owned);
        if text.is_none() {
            self.problem(name, "invalid_type", "Expected a string");
        }
        text
    }

    /// A flag with its default.
    pub fn flag(&mut self, name: &str, default: bool) -> bool {
        let Some(value) = self.raw(name) else {
            return default;
        };
        value.as_bool().unwrap_or_else(|| {
            self.problem(name, "invalid_type", "Expected a boolean");
            default
        })
    }

    /// An integer within bounds.
    pub fn int(&mut self, name: &str, min: i32, max: i32) -> Option<i32> {
        let value = self.raw(name)?;
        let number = value.as_i64().and_then(|number| i32::try_from(number).ok());
        match number {
            Some(number) if (min..=max).contains(&number) => Some(number),
            Some(_) => {
                self.problem(
                    name,
                    "out_of_range",
                    format!("Must be between {min} and {max}"),
                );
                None
            }
            None => {
                self.problem(name, "invalid_type", "Expected an integer");
                None
            }
        }
    }

    /// One of these words.
    pub fn word<T: Copy>(&mut self, name: &str, words: &[(&str, T)]) -> Option<T> {
        let text = self.text(name)?;
        let found = words
            .iter()
            .find(|(word, _)| *word == text)
            .map(|(_, value)| *value);
        if found.is_none() {
            let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            self.problem(
                name,
                "invalid_enum_value",
                format!("Expected {}", known.join(" | ")),
            );
        }
        found
    }

    /// A list of texts; absent is `None`.
    pub fn texts(&mut self, name: &str) -> Option<Vec<String>> {
        let value = self.raw(name)?;
        let items = value.as_array().and_then(|items| {
            items
                .iter()
                .map(|item| item.as_str().map(ToOwned::to_owned))
                .collect()
        });
        if items.is_none() {
            self.problem(name, "invalid_type", "Expected an array of strings");
        }
        items
    }
}
