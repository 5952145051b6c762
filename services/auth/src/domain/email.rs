//! Logins.

use std::fmt;

/// Longest address accepted (RFC 5321).
const MAX_LEN: usize = 254;

/// A login: trimmed, lower-cased, shaped like an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Email(String);

impl Email {
    /// Parses what a person typed; `None` when it cannot be an address.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim().to_lowercase();
        let (local, domain) = text.split_once('@')?;
        let dotted = domain.contains('.') && !domain.starts_with('.') && !domain.ends_with('.');
        let shaped = !local.is_empty()
            && dotted
            && !domain.contains('@')
            && !text.contains(char::is_whitespace)
            && text.len() <= MAX_LEN;
        shaped.then_some(Self(text))
    }

    /// The address as stored.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_trimmed_and_lowered() {
        assert_eq!(
            Email::parse(" Nora@Demo.test ").unwrap().as_str(),
            "nora@demo.test"
        );
    }

    #[test]
    fn what_cannot_be_an_address_is_refused() {
        for bad in [
            "", "a", "a@", "@b.c", "a@b", "a@.b", "a@b.", "a b@c.d", "a@b@c.d",
        ] {
            assert!(Email::parse(bad).is_none(), "{bad:?}");
        }
    }
}
