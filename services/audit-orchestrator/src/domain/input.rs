//! Reading the fields of a body: every issue is collected and told at once, with its path.

use serde_json::{Map, Value};
use vigie_service::Detail;

/// A body that is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refused {
    /// What the whole is called.
    pub message: String,
    /// Its issues.
    pub issues: Vec<Issue>,
}

impl Refused {
    /// A refusal without issues of fields.
    pub fn plain(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            issues: Vec::new(),
        }
    }

    /// The issues as they travel.
    pub fn details(&self) -> Vec<Detail> {
        let details = self.issues.iter().map(|issue| Detail {
            path: issue.path.clone(),
            code: "invalid".to_owned(),
            message: issue.problem.clone(),
        });
        details.collect()
    }
}

/// What is wrong with a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issue {
    /// Where.
    pub path: String,
    /// What.
    pub problem: String,
}

/// What a change does to a field that may be null.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Change<T> {
    /// Nothing.
    #[default]
    Keep,
    /// Takes its value away.
    Clear,
    /// Gives it this value.
    Set(T),
}

impl<T> Change<T> {
    /// Whether the field is written.
    pub const fn is_made(&self) -> bool {
        !matches!(self, Self::Keep)
    }

    /// What is written.
    pub const fn value(&self) -> Option<&T> {
        match self {
            Self::Set(value) => Some(value),
            Self::Keep | Self::Clear => None,
        }
    }
}

/// An object that is read field by field. What is refused reads as empty; the issues tell.
pub struct Fields<'a> {
    body: Option<&'a Map<String, Value>>,
    prefix: String,
    issues: Vec<Issue>,
}

impl<'a> Fields<'a> {
    /// A body; what is no object has no fields.
    pub fn of(body: &'a Value) -> Self {
        Self::within(body, String::new())
    }

    /// A part of a body, whose issues begin with this path.
    pub fn within(body: &'a Value, prefix: String) -> Self {
        let mut fields = Self {
            body: body.as_object(),
            prefix,
            issues: Vec::new(),
        };
        if fields.body.is_none() {
            fields.refuse("", "must be an object");
        }
        fields
    }

    /// Notes an issue.
    pub fn refuse(&mut self, name: &str, problem: impl Into<String>) {
        let path = format!("{}{name}", self.prefix);
        let path = path.trim_end_matches('.').to_owned();
        let problem = problem.into();
        self.issues.push(Issue { path, problem });
    }

    /// A value, null included.
    pub fn get(&self, name: &str) -> Option<&'a Value> {
        self.body.and_then(|body| body.get(name))
    }

    /// The issues so far.
    pub fn into_issues(self) -> Vec<Issue> {
        self.issues
    }

    /// A text that must be there and must not be blank.
    pub fn required_text(&mut self, name: &str) -> String {
        if self.get(name).is_none() {
            self.refuse(name, "is required");
            return String::new();
        }
        self.text(name).unwrap_or_default()
    }

    /// A text that may be left out; null and blank are refused.
    pub fn text(&mut self, name: &str) -> Option<String> {
        match self.get(name)? {
            Value::String(text) if text.trim().is_empty() => {
                self.refuse(name, "must not be blank");
                None
            }
            Value::String(text) => self.stored(name, text),
            _ => {
                self.refuse(name, "must be a text");
                None
            }
        }
    }

    /// A text of at most so many characters that null clears.
    pub fn prose(&mut self, name: &str, max_chars: usize) -> Change<String> {
        match self.get(name) {
            None => Change::Keep,
            Some(Value::Null) => Change::Clear,
            Some(Value::String(text)) if text.chars().count() > max_chars => {
                self.refuse(name, format!("must have at most {max_chars} characters"));
                Change::Keep
            }
            Some(Value::String(text)) => self.stored(name, text).map_or(Change::Keep, Change::Set),
            Some(_) => {
                self.refuse(name, "must be a text or null");
                Change::Keep
            }
        }
    }

    /// A flag that may be left out.
    pub fn flag(&mut self, name: &str) -> Option<bool> {
        let value = self.get(name)?;
        if value.as_bool().is_none() {
            self.refuse(name, "must be true or false");
        }
        value.as_bool()
    }

    /// A whole number in these bounds that may be left out.
    pub fn number(&mut self, name: &str, min: i32, max: i32) -> Option<i32> {
        let number = self.get(name)?.as_i64().and_then(|n| i32::try_from(n).ok());
        let number = number.filter(|number| (min..=max).contains(number));
        if number.is_none() {
            self.refuse(name, format!("must be a whole number from {min} to {max}"));
        }
        number
    }

    /// A list of texts that may be left out.
    pub fn texts(&mut self, name: &str, min: usize) -> Option<Vec<String>> {
        let Value::Array(items) = self.get(name)? else {
            self.refuse(name, "must be a list of texts");
            return None;
        };
        if items.len() < min {
            self.refuse(name, format!("must have at least {min}"));
        }
        let mut texts = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            match item.as_str().filter(|text| !text.trim().is_empty()) {
                Some(text) => texts.extend(self.stored(&format!("{name}.{index}"), text)),
                None => self.refuse(&format!("{name}.{index}"), "must be a text, not blank"),
            }
        }
        Some(texts)
    }

    /// Digits that null clears.
    pub fn id(&mut self, name: &str) -> Change<i64> {
        let number = match self.get(name) {
            None => return Change::Keep,
            Some(Value::Null) => return Change::Clear,
            Some(Value::String(text)) => id(text),
            Some(_) => None,
        };
        if number.is_none() {
            self.refuse(name, "must be digits or null");
        }
        number.map_or(Change::Keep, Change::Set)
    }

    /// Postgres stores no NUL in a text.
    fn stored(&mut self, name: &str, text: &str) -> Option<String> {
        if text.contains('\0') {
            self.refuse(name, "must not hold NUL");
            return None;
        }
        Some(text.to_owned())
    }
}

/// A database id: plain decimals above zero.
pub fn id(text: &str) -> Option<i64> {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|id| plain && *id > 0)
}
