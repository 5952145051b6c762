use http::{HeaderMap, HeaderValue, Request, Response};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::Instant;
use tower::Service;

/// Header that carries a call's deadline to the server.
pub(super) const GRPC_TIMEOUT: &str = "grpc-timeout";

tokio::task_local! {
    /// When the caller of the RPC that runs in this task stops waiting.
    static CALLER_WAITS_UNTIL: Instant;
}

/// When a call has to be over: its own timeout or the default, and never after our caller gave up.
pub(super) fn of_call(headers: &HeaderMap, default: Duration) -> Instant {
    let own = Instant::now() + read(headers).unwrap_or(default);
    CALLER_WAITS_UNTIL
        .try_with(|inherited| own.min(*inherited))
        .unwrap_or(own)
}

/// Writes what is left until `deadline`.
pub(super) fn write(headers: &mut HeaderMap, deadline: Instant) {
    // At most 8 digits are allowed: about 27 hours in milliseconds.
    let left = deadline
        .saturating_duration_since(Instant::now())
        .as_millis()
        .min(99_999_999);
    if let Ok(value) = HeaderValue::try_from(format!("{left}m")) {
        headers.insert(GRPC_TIMEOUT, value);
    }
}

fn read(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(GRPC_TIMEOUT)?.to_str().ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let amount: u64 = digits.parse().ok().filter(|_| digits.len() <= 8)?;
    match unit {
        "H" => Some(Duration::from_secs(amount * 3600)),
        "M" => Some(Duration::from_secs(amount * 60)),
        "S" => Some(Duration::from_secs(amount)),
        "m" => Some(Duration::from_millis(amount)),
        "u" => Some(Duration::from_micros(amount)),
        "n" => Some(Duration::from_nanos(amount)),
        _ => None,
    }
}

/// Server side: calls that a handler makes inherit what is left of its own deadline.
#[derive(Clone)]
pub(super) struct Inherit<S>(pub(super) S);

impl<S, B, R> Service<Request<B>> for Inherit<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let left = read(request.headers());
        let handler = self.0.call(request);
        match left {
            Some(left) => Box::pin(CALLER_WAITS_UNTIL.scope(Instant::now() + left, handler)),
            None => Box::pin(handler),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{CALLER_WAITS_UNTIL, GRPC_TIMEOUT, of_call, read};
    use http::{HeaderMap, HeaderValue};
    use rstest::rstest;
    use std::time::Duration;
    use tokio::time::Instant;

    fn headers(timeout: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(
            http::HeaderName::from_static(GRPC_TIMEOUT),
            HeaderValue::from_static(timeout),
        )])
    }

    #[rstest]
    #[case("10S", Some(10_000))]
    #[case("250m", Some(250))]
    #[case("2M", Some(120_000))]
    #[case("", None)]
    #[case("10", None)]
    #[case("123456789m", None)]
    fn reads_the_header(#[case] text: &'static str, #[case] millis: Option<u64>) {
        assert_eq!(read(&headers(text)), millis.map(Duration::from_millis));
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_never_outlives_its_caller() {
        let now = Instant::now();
        let second = now + Duration::from_secs(1);
        let default = Duration::from_secs(10);
        CALLER_WAITS_UNTIL
            .scope(second, async {
                assert_eq!(of_call(&HeaderMap::new(), default), second);
                assert_eq!(
                    of_call(&headers("300m"), default),
                    now + Duration::from_millis(300)
                );
            })
            .await;
        assert_eq!(of_call(&HeaderMap::new(), default), now + default);
    }
}
