//! Makes text from outside fit for an error message.

use std::borrow::Cow;

use secrecy::{ExposeSecret, SecretString};

/// Longest text kept from a third party's answer.
pub(crate) const LONGEST: usize = 500;

/// Trims, flattens control characters, cuts query strings off URLs, hides `secrets`, and cuts at 500 characters.
/// `None` when nothing is left.
pub(crate) fn sanitize(text: &str, secrets: &[&SecretString]) -> Option<String> {
    let mut text = Cow::Borrowed(text.trim());
    for secret in secrets {
        let secret = secret.expose_secret();
        // Shorter "secrets" would blank ordinary words.
        if secret.len() >= 6 && text.contains(secret) {
            text = Cow::Owned(text.replace(secret, "***"));
        }
    }
    let clean = text
        .split_whitespace()
        .map(without_query)
        .collect::<Vec<_>>()
        .join(" ");
    let clean: String = clean
        .chars()
        .filter(|c| !c.is_control())
        .take(LONGEST)
        .collect();
    (!clean.is_empty()).then_some(clean)
}

/// A word that holds a URL loses everything from its `?` on.
fn without_query(word: &str) -> &str {
    match (word.find("://"), word.find('?')) {
        (Some(scheme), Some(query)) if query > scheme => &word[..query],
        _ => word,
    }
}

/// Keeps `text` only if it looks like a machine's error code, never prose.
pub(crate) fn code(text: &str) -> Option<String> {
    let plausible = (1..=64).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b'[' | b']'));
    plausible.then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn query_strings_and_secrets_go() {
        let key = SecretString::from("sk-12345678".to_owned());
        let text = " GET https://x.test/a?sig=1&b=2 with\nsk-12345678 failed ";
        assert_eq!(
            sanitize(text, &[&key]).unwrap(),
            "GET https://x.test/a with *** failed"
        );
    }

    #[test]
    fn long_text_is_cut_by_characters_and_blank_is_none() {
        assert_eq!(
            sanitize(&"é".repeat(900), &[]).unwrap().chars().count(),
            LONGEST
        );
        assert_eq!(sanitize(" \n\t ", &[]), None);
    }

    #[test]
    fn only_codes_are_codes() {
        assert_eq!(
            code("insufficient_quota").as_deref(),
            Some("insufficient_quota")
        );
        assert_eq!(code("You said: bonjour"), None);
        assert_eq!(code(""), None);
    }
}
