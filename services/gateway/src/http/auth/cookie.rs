//! The refresh cookie (identity.md 1.9).

use crate::config::CookieSettings;
use axum::http::{HeaderMap, HeaderValue, header};
use chrono::{DateTime, TimeDelta, Utc};
use std::time::SystemTime;

const PATH: &str = "/api/auth";

/// The value of the refresh cookie, if one is sent.
pub fn read<'a>(headers: &'a HeaderMap, settings: &CookieSettings) -> Option<&'a str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, value)| *name == settings.name && !value.is_empty())
        .map(|(_, value)| value)
}

/// The header that sets it.
pub fn set(
    settings: &CookieSettings,
    token: &str,
    seconds: i64,
    now: DateTime<Utc>,
) -> Option<HeaderValue> {
    let expires = now + TimeDelta::try_seconds(seconds)?;
    let text = format!(
        "{}={token}; Max-Age={seconds}; {}",
        settings.name,
        attributes(settings, expires.into())
    );
    let mut value = HeaderValue::try_from(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// The header that takes it away.
pub fn clear(settings: &CookieSettings) -> Option<HeaderValue> {
    let attributes = attributes(settings, SystemTime::UNIX_EPOCH);
    HeaderValue::try_from(format!("{}=; {attributes}", settings.name)).ok()
}

fn attributes(settings: &CookieSettings, expires: SystemTime) -> String {
    let secure = if settings.secure { "Secure; " } else { "" };
    format!(
        "Path={PATH}; Expires={}; HttpOnly; {secure}SameSite={}",
        httpdate::fmt_http_date(expires),
        settings.same_site.as_str()
    )
}

#[cfg(test)]
mod tests {
    use super::{clear, read, set};
    use crate::config::{CookieSettings, SameSite};
    use axum::http::HeaderMap;
    use chrono::DateTime;

    fn settings(secure: bool) -> CookieSettings {
        CookieSettings {
            name: "refresh_token".to_owned(),
            secure,
            same_site: SameSite::Lax,
        }
    }

    #[test]
    fn has_the_contract_s_attributes() {
        let now = DateTime::UNIX_EPOCH;
        let cookie = set(&settings(true), "abc", 2_592_000, now).unwrap();
        assert_eq!(
            cookie.to_str().unwrap(),
            "refresh_token=abc; Max-Age=2592000; Path=/api/auth; \
             Expires=Sat, 31 Jan 1970 00:00:00 GMT; HttpOnly; Secure; SameSite=Lax"
        );
        assert_eq!(
            clear(&settings(false)).unwrap(),
            "refresh_token=; Path=/api/auth; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; \
             SameSite=Lax"
        );
    }

    #[test]
    fn is_found_among_others() {
        let mut headers = HeaderMap::new();
        headers.insert("cookie", "a=b; refresh_token=x=y; c".parse().unwrap());
        assert_eq!(read(&headers, &settings(true)), Some("x=y"));
        headers.insert("cookie", "refresh_token=".parse().unwrap());
        assert_eq!(read(&headers, &settings(true)), None);
    }
}
