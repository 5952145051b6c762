//! What a new password must be (identity.md W12). A login never asks.

use super::password::NEW_PASSWORD_CHARS;
use secrecy::SecretString;
use std::collections::HashSet;
use std::sync::LazyLock;

/// Fewer different characters than this are a pattern.
const LEAST_DIFFERENT: usize = 5;

/// Words and whole passwords that are tried first by those who guess; one a line.
static COMMON: LazyLock<HashSet<&str>> =
    LazyLock::new(|| include_str!("common_passwords.txt").lines().collect());

/// Why a password may not be set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WeakPassword {
    /// Too short or too long.
    #[error("must have {} to {} characters", NEW_PASSWORD_CHARS.start(), NEW_PASSWORD_CHARS.end())]
    Length,
    /// On the list, or a word of it between digits and signs, or hardly any characters.
    #[error("is too common")]
    Common,
    /// The login, or its name.
    #[error("must not be the e-mail address")]
    Email,
}

/// A password that may be set. `email` is its owner's, where it is known.
pub fn new_password(text: String, email: Option<&str>) -> Result<SecretString, WeakPassword> {
    if !NEW_PASSWORD_CHARS.contains(&text.chars().count()) {
        return Err(WeakPassword::Length);
    }
    let lower = text.to_lowercase();
    if let Some(email) = email {
        let name = email.split('@').next().unwrap_or(email);
        if lower == email || stem(&lower) == name {
            return Err(WeakPassword::Email);
        }
    }
    let different: HashSet<char> = lower.chars().collect();
    let known = COMMON.contains(lower.as_str()) || COMMON.contains(stem(&lower));
    if known || different.len() < LEAST_DIFFERENT {
        return Err(WeakPassword::Common);
    }
    Ok(SecretString::from(text))
}

/// Without the digits and signs around it: `password` of `!Password2026`.
fn stem(lower: &str) -> &str {
    lower.trim_matches(|c: char| !c.is_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phrases_may_be_set() {
        for good in [
            "a-long-phrase-7",
            "quatre chevaux bleus",
            "éléphant-à-roulettes",
        ] {
            assert!(new_password(good.to_owned(), None).is_ok(), "{good}");
        }
    }

    #[test]
    fn lengths_are_counted_in_characters() {
        let of = |count: usize| "aé9-zkwq".chars().cycle().take(count).collect::<String>();
        for (count, allowed) in [(11, false), (12, true), (200, true), (201, false)] {
            assert_eq!(new_password(of(count), None).is_ok(), allowed, "{count}");
        }
    }

    #[test]
    fn common_ones_may_not() {
        for bad in [
            "Password2026!",
            "123456789012",
            "qwertyuiop123",
            "motdepasse-2026",
            "aaaaaaaaaaaa",
            "passwordpassword",
        ] {
            let refused = new_password(bad.to_owned(), None).unwrap_err();
            assert_eq!(refused, WeakPassword::Common, "{bad}");
        }
    }

    #[test]
    fn the_login_is_no_password() {
        for bad in ["claire.morel@demo.test", "Claire.Morel-2026"] {
            let refused = new_password(bad.to_owned(), Some("claire.morel@demo.test"));
            assert_eq!(refused.unwrap_err(), WeakPassword::Email);
        }
    }

    #[test]
    fn the_list_is_as_it_is_looked_up() {
        for word in COMMON.iter() {
            assert_eq!(*word, word.trim().to_lowercase());
        }
        assert!(COMMON.len() >= 300, "{}", COMMON.len());
    }
}
