use crate::http::failure::Failure;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, header};
use serde_json::{Map, Value};
use std::time::Duration;
use vigie_service::{ErrorCode, WireError};

/// What is read of a body whose sender is not known.
const STRANGERS_BYTES: usize = 64 * 1024;

/// A body that takes longer is given up.
const PATIENCE: Duration = Duration::from_secs(30);

/// The JSON body of a request: an object or an array; `{}` where there is none.
#[derive(Debug, Clone)]
pub struct Payload(pub Value);

impl Payload {
    /// A field of the body.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }
}

/// How much is read, and what more of it means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Limit {
    bytes: usize,
    beyond: ErrorCode,
}

impl Limit {
    /// For a caller who is known.
    pub(super) fn known(max: usize) -> Self {
        Self {
            bytes: max,
            beyond: ErrorCode::PayloadTooLarge,
        }
    }

    /// For a stranger on a route that strangers may use.
    pub(super) fn public(max: usize) -> Self {
        Self::known(max.min(STRANGERS_BYTES))
    }

    /// For a stranger who will be refused: bad JSON is told first, a large body is not read for it.
    pub(super) fn refused(max: usize) -> Self {
        Self {
            bytes: max.min(STRANGERS_BYTES),
            beyond: ErrorCode::Authentication,
        }
    }

    fn failure(self) -> Failure {
        let message = match self.beyond {
            ErrorCode::Authentication => "Authentication required",
            _ => "Request body is too large",
        };
        Failure::new(self.beyond, message)
    }
}

/// Reads the body of a request, leaving it empty.
pub(super) async fn read(
    request: &mut Request,
    limit: Limit,
    takes_forms: bool,
) -> Result<Payload, Failure> {
    let body = std::mem::replace(request.body_mut(), Body::empty());
    if announced(request.headers()).is_some_and(|bytes| bytes > limit.bytes) {
        return Err(limit.failure());
    }
    let reading = axum::body::to_bytes(body, limit.bytes);
    let bytes = match tokio::time::timeout(PATIENCE, reading).await {
        Ok(Ok(bytes)) => bytes,
        Ok(Err(error)) if too_long(&error) => return Err(limit.failure()),
        Ok(Err(_)) | Err(_) => {
            return Err(Failure::new(ErrorCode::Validation, "Body was not received"));
        }
    };
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Ok(Payload(Value::Object(Map::new())));
    }
    match kind(request.headers()) {
        Kind::Json => parse(&bytes),
        Kind::Form if takes_forms => Ok(Payload(form(&bytes))),
        Kind::Form | Kind::Other => Ok(Payload(Value::Object(Map::new()))),
    }
}

/// A form as an object of texts; of several values of a name the last counts.
fn form(bytes: &[u8]) -> Value {
    let fields = url::form_urlencoded::parse(bytes).into_owned();
    Value::Object(fields.map(|(name, text)| (name, text.into())).collect())
}

fn parse(bytes: &[u8]) -> Result<Payload, Failure> {
    match serde_json::from_slice(bytes) {
        Ok(value @ (Value::Object(_) | Value::Array(_))) => Ok(Payload(value)),
        Ok(_) | Err(_) => Err(WireError::new(ErrorCode::InvalidJson, "Invalid JSON body").into()),
    }
}

fn announced(headers: &HeaderMap) -> Option<usize> {
    headers
        .get(header::CONTENT_LENGTH)?
        .to_str()
        .ok()?
        .parse()
        .ok()
}

fn too_long(error: &axum::Error) -> bool {
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = next {
        if error.is::<http_body_util::LengthLimitError>() {
            return true;
        }
        next = error.source();
    }
    false
}

/// What a body says it is.
enum Kind {
    Json,
    Form,
    Other,
}

fn kind(headers: &HeaderMap) -> Kind {
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok());
    let essence = kind
        .and_then(|kind| kind.split(';').next())
        .unwrap_or_default();
    let essence = essence.trim().to_ascii_lowercase();
    match essence.as_str() {
        "application/json" => Kind::Json,
        "application/x-www-form-urlencoded" => Kind::Form,
        other if other.starts_with("application/") && other.ends_with("+json") => Kind::Json,
        _ => Kind::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::{Limit, parse, read};
    use crate::http::failure::Failure;
    use axum::body::Body;
    use axum::extract::Request;
    use rstest::rstest;
    use serde_json::{Value, json};
    use vigie_service::ErrorCode;

    #[rstest]
    #[case("{", false)]
    #[case("7", false)]
    #[case("\"text\"", false)]
    #[case("null", false)]
    #[case("{\"a\":1}", true)]
    #[case("[]", true)]
    fn only_objects_and_arrays_are_bodies(#[case] text: &str, #[case] good: bool) {
        assert_eq!(parse(text.as_bytes()).is_ok(), good);
    }

    async fn body_of(kind: &str, text: String, limit: Limit) -> Result<Value, Failure> {
        let builder = Request::builder().header("content-type", kind);
        let mut request = builder.body(Body::from(text)).unwrap();
        let form = kind.ends_with("; form");
        read(&mut request, limit, form)
            .await
            .map(|payload| payload.0)
    }

    #[tokio::test]
    async fn forms_are_read_where_they_are_taken() {
        let limit = Limit::known(100);
        let text = "socket_id=1.2&channel_name=private-a%3D&socket_id=3.4".to_owned();
        let kind = "application/x-www-form-urlencoded";
        let ignored = body_of(kind, text.clone(), limit).await;
        assert_eq!(ignored.unwrap(), json!({}));
        let read = body_of(&format!("{kind}; form"), text, limit).await;
        assert_eq!(
            read.unwrap(),
            json!({"socket_id": "3.4", "channel_name": "private-a="})
        );
    }

    #[tokio::test]
    async fn another_content_type_is_no_body() {
        let limit = Limit::known(100);
        let form = body_of("text/plain", "a=1".to_owned(), limit).await;
        assert_eq!(form.unwrap(), json!({}));
        let vendor = body_of(
            "application/problem+json; charset=utf-8",
            "{\"a\":1}".to_owned(),
            limit,
        );
        assert_eq!(vendor.await.unwrap(), json!({"a": 1}));
    }

    #[tokio::test]
    async fn strangers_are_refused_before_their_body_is_read() {
        let large = format!("\"{}\"", "x".repeat(70_000));
        let code = async |limit| {
            let failure = body_of("application/json", large.clone(), limit)
                .await
                .unwrap_err();
            failure.error().code
        };
        assert_eq!(
            code(Limit::refused(1_000_000)).await,
            ErrorCode::Authentication
        );
        assert_eq!(
            code(Limit::public(1_000_000)).await,
            ErrorCode::PayloadTooLarge
        );
        assert_eq!(code(Limit::known(60_000)).await, ErrorCode::PayloadTooLarge);
        assert_eq!(code(Limit::known(1_000_000)).await, ErrorCode::InvalidJson);
    }
}
