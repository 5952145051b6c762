use crate::http::failure::Failure;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

/// More than any token, cookie and trace together.
const MAX_HEADER_BYTES: usize = 32 * 1024;

/// Headers that decide something: of two values, the one that we read and the one that a proxy read
/// might differ.
const SINGLE: [HeaderName; 6] = [
    header::AUTHORIZATION,
    HeaderName::from_static("x-api-key"),
    header::CONTENT_TYPE,
    header::HOST,
    header::ORIGIN,
    HeaderName::from_static("last-event-id"),
];

/// Refuses what two readers of the same request might read differently, before anything else is
/// decided by it.
pub(in crate::http) async fn refuse_tricks(request: Request, next: Next) -> Response {
    let uri = request.uri();
    let checked = path(uri.path())
        .and_then(|()| query(uri.query().unwrap_or_default()))
        .and_then(|()| headers(request.headers()));
    match checked {
        Ok(()) => next.run(request).await,
        Err(refused) => Failure::validation(refused).into_response(),
    }
}

/// A path whose segments are the same before and after decoding: no encoded separators or dots, no
/// control characters, no broken escapes, no dot segments.
fn path(path: &str) -> Result<(), &'static str> {
    const REFUSED: &str = "Invalid request path";
    for segment in path.split('/') {
        let decoded = decode(segment).ok_or(REFUSED)?;
        let odd = |c: char| c == '/' || c == '\\' || c.is_control();
        if decoded == "." || decoded == ".." || decoded.contains(odd) {
            return Err(REFUSED);
        }
    }
    Ok(())
}

/// A query without NUL: no text that is stored has one, and Postgres takes none for comparing.
fn query(query: &str) -> Result<(), &'static str> {
    if query.contains("%00") {
        return Err("Invalid query parameters");
    }
    Ok(())
}

/// The segment without escapes; none when one is broken or hides no UTF-8.
fn decode(segment: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
        let value = digit(rest.next())? * 16 + digit(rest.next())?;
        bytes.push(u8::try_from(value).ok()?);
    }
    String::from_utf8(bytes).ok()
}

fn headers(headers: &HeaderMap) -> Result<(), &'static str> {
    let bytes: usize = headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len())
        .sum();
    if bytes > MAX_HEADER_BYTES {
        return Err("Request headers are too large");
    }
    let twice = |name: &HeaderName| headers.get_all(name).iter().nth(1).is_some();
    if SINGLE.iter().any(twice) {
        return Err("A header stands twice");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{SINGLE, headers, path, query};
    use axum::http::HeaderMap;
    use rstest::rstest;

    #[rstest]
    #[case("/api/audits", true)]
    #[case("/api/transcriptions/44/recordings/call%20%C3%A9.7", true)]
    #[case("/api//audits/", true)]
    #[case("/.well-known/jwks.json", true)]
    #[case("/api/../admin/users", false)]
    #[case("/api/%2e%2E/admin/users", false)]
    #[case("/api/audits/.", false)]
    #[case("/api/audits%2F7", false)]
    #[case("/api/audits/7%5c8", false)]
    #[case("/api/audits/7%00", false)]
    #[case("/api/audits/7%0d%0a", false)]
    #[case("/api/audits/%ff", false)]
    #[case("/api/audits/%", false)]
    #[case("/api/audits/%2", false)]
    #[case("/api/audits/%+1", false)]
    fn paths_mean_one_thing(#[case] text: &str, #[case] good: bool) {
        assert_eq!(path(text).is_ok(), good, "{text}");
    }

    #[test]
    fn a_query_holds_no_nul() {
        assert!(query("q=caf%C3%A9&cursor=%2500").is_ok());
        assert_eq!(query("level=info&q=a%00"), Err("Invalid query parameters"));
    }

    #[test]
    fn deciding_headers_stand_once_and_all_are_bounded() {
        for name in SINGLE {
            let mut sent = HeaderMap::new();
            sent.append(&name, "a".parse().unwrap());
            assert!(headers(&sent).is_ok());
            sent.append(&name, "b".parse().unwrap());
            assert!(headers(&sent).is_err(), "{name}");
        }
        let mut sent = HeaderMap::new();
        sent.append("cookie", "a=b".parse().unwrap());
        sent.append("cookie", "c=d".parse().unwrap());
        assert!(headers(&sent).is_ok());
        sent.append("x-long", "x".repeat(33_000).parse().unwrap());
        assert!(headers(&sent).is_err());
    }
}
