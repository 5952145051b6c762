use crate::http::failure::Failure;
use axum::http::{HeaderMap, header};
use vigie_service::ErrorCode;

/// Refuses a request that a foreign page sent with our cookie (W11). Clients without pages send no
/// origin.
pub fn require_own_origin(headers: &HeaderMap, allowed: &[String]) -> Result<(), Failure> {
    let forbidden = || Failure::new(ErrorCode::Authorization, "Forbidden");
    let Some(origin) = headers.get(header::ORIGIN) else {
        let site = headers.get("sec-fetch-site");
        return match site {
            Some(site) if site == "cross-site" => Err(forbidden()),
            _ => Ok(()),
        };
    };
    let listed = allowed
        .iter()
        .any(|entry| entry.as_bytes() == origin.as_bytes());
    if listed || is_ours(headers, origin.as_bytes()) {
        return Ok(());
    }
    Err(forbidden())
}

/// Whether the page came from the very host that is asked.
fn is_ours(headers: &HeaderMap, origin: &[u8]) -> bool {
    let Some(host) = headers.get(header::HOST) else {
        return false;
    };
    let authority = origin
        .strip_prefix(b"https://")
        .or_else(|| origin.strip_prefix(b"http://"));
    authority.is_some_and(|authority| authority.eq_ignore_ascii_case(host.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::require_own_origin;
    use axum::http::HeaderMap;
    use rstest::rstest;

    #[rstest]
    #[case(None, true)]
    #[case(Some("https://vigie.example"), true)]
    #[case(Some("https://app.example"), true)]
    #[case(Some("https://evil.example"), false)]
    #[case(Some("https://app.example.evil"), false)]
    #[case(Some("null"), false)]
    fn foreign_pages_are_refused(#[case] origin: Option<&'static str>, #[case] good: bool) {
        let mut headers = HeaderMap::new();
        headers.insert("host", "vigie.example".parse().unwrap());
        if let Some(origin) = origin {
            headers.insert("origin", origin.parse().unwrap());
        }
        let allowed = ["https://app.example".to_owned()];
        assert_eq!(require_own_origin(&headers, &allowed).is_ok(), good);
    }

    #[test]
    fn a_browser_that_hides_the_origin_still_says_that_it_is_foreign() {
        let mut headers = HeaderMap::new();
        headers.insert("sec-fetch-site", "same-origin".parse().unwrap());
        assert!(require_own_origin(&headers, &[]).is_ok());
        headers.insert("sec-fetch-site", "cross-site".parse().unwrap());
        assert!(require_own_origin(&headers, &[]).is_err());
    }
}
