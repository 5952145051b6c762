//! Properties of a schedule that have rules of their own (B2.1).

use super::fields::Fields;
use super::webhook;
use serde_json::Value;

/// Secrets are refused rather than kept in clear or dropped in silence.
pub(super) fn refuse_secrets(fields: &mut Fields<'_>) {
    for name in ["externalApiKey", "webhookSecret"] {
        let given = fields
            .raw(name)
            .is_some_and(|value| value.as_str() != Some(""));
        if given {
            fields.problem(name, "not_supported", "Not accepted by this version");
        }
    }
}

/// `HH:MM` with two digits each.
pub(super) fn is_time_of_day(text: &str) -> bool {
    let two = |text: &str, max: u32| {
        text.len() == 2
            && text.bytes().all(|b| b.is_ascii_digit())
            && text.parse::<u32>().is_ok_and(|number| number <= max)
    };
    text.split_once(':')
        .is_some_and(|(hour, minute)| two(hour, 23) && two(minute, 59))
}

/// Integers or texts with a leading integer; junk and what is not positive is dropped, each once.
pub(super) fn configs(fields: &mut Fields<'_>) -> Vec<i64> {
    let Some(value) = fields.raw("specificAuditConfigs") else {
        return Vec::new();
    };
    let Some(items) = value.as_array() else {
        fields.problem("specificAuditConfigs", "invalid_type", "Expected an array");
        return Vec::new();
    };
    let mut configs = Vec::new();
    for item in items {
        let id = match item {
            Value::Number(number) if number.as_i64().is_none() => {
                fields.problem("specificAuditConfigs", "invalid_type", "Expected integers");
                None
            }
            Value::Number(number) => number.as_i64(),
            Value::String(text) => {
                let text = text.trim();
                let end = text
                    .find(|c: char| !c.is_ascii_digit())
                    .unwrap_or(text.len());
                text.get(..end).and_then(|digits| digits.parse().ok())
            }
            _ => None,
        };
        if let Some(id) = id.filter(|id| *id > 0)
            && !configs.contains(&id)
        {
            configs.push(id);
        }
    }
    configs
}

/// An address that may be called, none when empty.
pub(super) fn webhook_url(fields: &mut Fields<'_>) -> Option<String> {
    let url = fields.text("webhookUrl").filter(|url| !url.is_empty())?;
    match webhook::check(&url) {
        Ok(()) => Some(url),
        Err(refusal) => {
            fields.problem("webhookUrl", "invalid_url", refusal);
            None
        }
    }
}

/// What is no array or no text is dropped; what is no address is refused.
pub(super) fn emails(fields: &mut Fields<'_>) -> Vec<String> {
    let Some(items) = fields.raw("notifyEmails").and_then(Value::as_array) else {
        return Vec::new();
    };
    let texts = items.iter().filter_map(Value::as_str).map(str::trim);
    let emails: Vec<String> = texts
        .filter(|text| !text.is_empty())
        .map(ToOwned::to_owned)
        .collect();
    for (at, email) in emails.iter().enumerate() {
        if !is_email(email) {
            fields.problem(
                &format!("notifyEmails[{at}]"),
                "invalid_email",
                "Invalid e-mail",
            );
        }
    }
    emails
}

fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else {
        return false;
    };
    let plain = |c: char| !c.is_whitespace() && !c.is_control() && !"@,;<>".contains(c);
    !local.is_empty()
        && text.len() <= 254
        && text.chars().filter(|c| *c == '@').count() == 1
        && local.chars().chain(domain.chars()).all(plain)
        && domain.contains('.')
        && domain.split('.').all(|label| !label.is_empty())
}
