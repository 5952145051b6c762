//! Reading the fields of a body: every issue is collected and told at once, with its path.

use super::edge::Payload;
use super::failure::Failure;
use serde_json::Value;
use vigie_contracts::auth::v1 as pb;

/// A body that is read field by field. What is refused reads as empty; [`Fields::done`] tells.
pub struct Fields<'a> {
    body: &'a Payload,
    message: &'static str,
    issues: Vec<(String, String)>,
}

impl<'a> Fields<'a> {
    /// `message` is what a refused body is called.
    pub fn new(body: &'a Payload, message: &'static str) -> Self {
        Self {
            body,
            message,
            issues: Vec::new(),
        }
    }

    /// Whether the field was sent, null included.
    pub fn has(&self, name: &str) -> bool {
        self.body.0.get(name).is_some()
    }

    /// Notes an issue.
    pub fn refuse(&mut self, path: &str, problem: &str) {
        self.issues.push((path.to_owned(), problem.to_owned()));
    }

    /// A text that must be there and must not be blank.
    pub fn text(&mut self, name: &str, max_chars: usize) -> String {
        let Some(value) = self.body.0.get(name) else {
            self.refuse(name, "is required");
            return String::new();
        };
        self.filled(name, value, max_chars).unwrap_or_default()
    }

    /// A text as it stands, blanks and all, for secrets: only its type is looked at.
    pub fn secret(&mut self, name: &str) -> String {
        match self.body.0.get(name) {
            None => self.refuse(name, "is required"),
            Some(Value::String(text)) => return text.clone(),
            Some(_) => self.refuse(name, "must be a text"),
        }
        String::new()
    }

    /// The same, where it may be left out.
    pub fn optional_secret(&mut self, name: &str) -> Option<String> {
        self.has(name).then(|| self.secret(name))
    }

    /// A text that may be left out; null and blank are refused.
    pub fn optional_text(&mut self, name: &str, max_chars: usize) -> Option<String> {
        let value = self.body.0.get(name)?;
        self.filled(name, value, max_chars)
    }

    /// A text that may be left out and may be empty; null is refused.
    pub fn optional_prose(&mut self, name: &str, max_chars: usize) -> Option<String> {
        if let Value::String(text) = self.body.0.get(name)? {
            return self.short(name, text, max_chars);
        }
        self.refuse(name, "must be a text");
        None
    }

    /// One of these words, where it may be left out.
    pub fn one_of(&mut self, name: &str, words: &[&str]) -> Option<String> {
        match self.body.0.get(name)? {
            Value::String(text) if words.contains(&text.as_str()) => Some(text.clone()),
            _ => {
                self.refuse(name, &format!("must be one of {}", words.join(", ")));
                None
            }
        }
    }

    /// A text or null, where it may be left out.
    pub fn nullable_text(&mut self, name: &str, max_chars: usize) -> Option<pb::NullableText> {
        let value = match self.body.0.get(name)? {
            Value::Null => None,
            _ => self.optional_text(name, max_chars),
        };
        Some(pb::NullableText { value })
    }

    /// The same, where it may be empty.
    pub fn nullable_prose(&mut self, name: &str, max_chars: usize) -> Option<pb::NullableText> {
        let value = match self.body.0.get(name)? {
            Value::Null => None,
            _ => self.optional_prose(name, max_chars),
        };
        Some(pb::NullableText { value })
    }

    /// A list of texts, none of them blank, where it may be left out.
    pub fn texts(&mut self, name: &str, min: usize) -> Option<pb::Texts> {
        let Value::Array(items) = self.body.0.get(name)? else {
            self.refuse(name, "must be a list of texts");
            return None;
        };
        if items.len() < min {
            self.refuse(name, "must not be empty");
        }
        let mut values = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            let text = self.filled(&format!("{name}.{index}"), item, usize::MAX);
            values.extend(text);
        }
        Some(pb::Texts { values })
    }

    /// A flag; left out it is false.
    pub fn flag(&mut self, name: &str) -> bool {
        flag(self.body.0.get(name)).unwrap_or_else(|problem| {
            self.refuse(name, problem);
            false
        })
    }

    /// Stored grants (identity.md 2.4), where they may be left out.
    pub fn grants(&mut self, name: &str) -> Option<pb::RoleGrants> {
        let Value::Array(items) = self.body.0.get(name)? else {
            self.refuse(name, "must be a list of grants");
            return None;
        };
        let mut grants = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            match grant(item) {
                Ok(grant) => grants.push(grant),
                Err((field, problem)) => self.refuse(&format!("{name}.{index}.{field}"), problem),
            }
        }
        Some(pb::RoleGrants { grants })
    }

    /// Refuses the body if there was an issue.
    pub fn done(self) -> Result<(), Failure> {
        if self.issues.is_empty() {
            return Ok(());
        }
        let told = |failure: Failure, (path, problem): &(String, String)| {
            failure.with_detail(path, problem)
        };
        let failure = Failure::validation(self.message);
        Err(self.issues.iter().fold(failure, told))
    }

    fn filled(&mut self, path: &str, value: &Value, max_chars: usize) -> Option<String> {
        match value {
            Value::String(text) if text.trim().is_empty() => {
                self.refuse(path, "must not be blank");
                None
            }
            Value::String(text) => self.short(path, text, max_chars),
            _ => {
                self.refuse(path, "must be a text");
                None
            }
        }
    }

    fn short(&mut self, path: &str, text: &str, max_chars: usize) -> Option<String> {
        if text.trim().chars().count() > max_chars {
            self.refuse(path, &format!("must have at most {max_chars} characters"));
            return None;
        }
        // Postgres stores no NUL in a text.
        if text.contains('\0') {
            self.refuse(path, "must not hold NUL");
            return None;
        }
        Some(text.to_owned())
    }
}

fn flag(value: Option<&Value>) -> Result<bool, &'static str> {
    match value {
        None => Ok(false),
        Some(Value::Bool(flag)) => Ok(*flag),
        Some(_) => Err("must be true or false"),
    }
}

fn grant(value: &Value) -> Result<pb::RoleGrant, (&'static str, &'static str)> {
    let key = value.get("key").and_then(Value::as_str);
    let key = key.map(str::trim).filter(|key| !key.is_empty());
    let scope = match value.get("scope") {
        None => "",
        Some(Value::String(scope)) if ["SELF", "GROUP", "ALL"].contains(&scope.as_str()) => scope,
        Some(_) => return Err(("scope", "must be SELF, GROUP or ALL")),
    };
    let (read, write) = (flag(value.get("read")), flag(value.get("write")));
    Ok(pb::RoleGrant {
        key: key.ok_or(("key", "must be a text"))?.to_owned(),
        read: read.map_err(|problem| ("read", problem))?,
        write: write.map_err(|problem| ("write", problem))?,
        scope: scope.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::Fields;
    use crate::http::edge::Payload;
    use serde_json::json;

    #[test]
    fn all_issues_are_told_with_their_paths() {
        let body = Payload(json!({
            "blank": " ", "number": 7, "long": "xxxx", "null": null, "nul": "a\u{0}",
            "list": ["a", "", 7], "flag": "true",
            "grants": [{"key": "audits", "scope": "all"}, {"read": true}, {"key": "a", "read": 1}],
        }));
        let mut fields = Fields::new(&body, "Invalid");
        fields.text("missing", 9);
        fields.text("blank", 9);
        fields.text("number", 9);
        fields.text("nul", 9);
        fields.optional_text("long", 3);
        fields.optional_text("null", 3);
        fields.optional_prose("null", 3);
        fields.secret("number");
        fields.texts("list", 1);
        fields.texts("flag", 1);
        fields.flag("flag");
        fields.grants("grants");
        let failure = fields.done().unwrap_err();
        assert_eq!(failure.error().message, "Invalid");
        let details = failure.error().details.iter();
        let paths: Vec<_> = details.map(|detail| detail.path.as_str()).collect();
        assert_eq!(
            paths,
            [
                "missing",
                "blank",
                "number",
                "nul",
                "long",
                "null",
                "null",
                "number",
                "list.1",
                "list.2",
                "flag",
                "flag",
                "grants.0.scope",
                "grants.1.key",
                "grants.2.read",
            ]
        );
    }

    #[test]
    fn sent_null_and_left_out_are_told_apart() {
        let body = Payload(json!({"null": null, "text": " a ", "empty": "", "none": []}));
        let mut fields = Fields::new(&body, "Invalid");
        assert_eq!(fields.nullable_text("left out", 9), None);
        assert_eq!(fields.nullable_text("null", 9).unwrap().value, None);
        let text = fields.nullable_text("text", 1).unwrap().value;
        assert_eq!(text.as_deref(), Some(" a "));
        assert_eq!(fields.optional_prose("empty", 9).as_deref(), Some(""));
        assert_eq!(fields.optional_text("left out", 9), None);
        assert!(fields.texts("none", 0).unwrap().values.is_empty());
        assert!(!fields.flag("left out"));
        assert!(fields.done().is_ok());
    }
}
