//! Provider keys as people paste them.

use secrecy::{ExposeSecret, SecretString};

/// Trims a key and takes off one pair of equal quotes. `None` when nothing is left.
pub fn normalise_key(key: &SecretString) -> Option<SecretString> {
    let text = key.expose_secret().trim();
    let quoted = ['"', '\''].into_iter().find_map(|quote| {
        text.strip_prefix(quote)
            .and_then(|rest| rest.strip_suffix(quote))
    });
    let text = quoted.unwrap_or(text).trim();
    (!text.is_empty()).then(|| SecretString::from(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("  abc  ", Some("abc"))]
    #[case("\"abc\"", Some("abc"))]
    #[case("'abc'", Some("abc"))]
    #[case("\" abc \"", Some("abc"))]
    #[case("'\"abc\"'", Some("\"abc\""))]
    #[case("\"abc'", Some("\"abc'"))]
    #[case("\"", Some("\""))]
    #[case("\"\"", None)]
    #[case("\"  \"", None)]
    #[case("  ", None)]
    #[case("", None)]
    fn keys_are_normalised(#[case] given: &str, #[case] expected: Option<&str>) {
        let key = normalise_key(&SecretString::from(given.to_owned()));
        assert_eq!(key.as_ref().map(ExposeSecret::expose_secret), expected);
    }
}
