use std::error::Error;
use std::time::{Duration, Instant};

use reqwest::header::{HeaderMap, LOCATION};
use reqwest::{Client, Response, StatusCode, redirect};
use url::Url;

use crate::error::GuardError;
use crate::guard::UrlGuard;

/// How long calls may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// Until connected, the name resolved included.
    pub connect: Duration,
    /// Between two pieces of the answer.
    pub read: Duration,
    /// From the first request to the last byte, redirects included.
    pub total: Duration,
}

/// Why a URL gave no answer. Never names the URL: it may hold a secret.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The URL, or one it leads to, may not be called.
    #[error(transparent)]
    Refused(#[from] GuardError),
    /// It leads to another once too often.
    #[error("more than {0} redirects")]
    TooManyRedirects(usize),
    /// It leads to nothing readable.
    #[error("redirect to an unreadable address")]
    BadRedirect,
    /// Connecting, sending or receiving failed, or took too long.
    #[error(transparent)]
    Http(reqwest::Error),
}

impl From<reqwest::Error> for FetchError {
    fn from(error: reqwest::Error) -> Self {
        let mut source = error.source();
        while let Some(cause) = source {
            if let Some(refused) = cause.downcast_ref::<GuardError>() {
                return Self::Refused(refused.clone());
            }
            source = cause.source();
        }
        Self::Http(error.without_url())
    }
}

/// An HTTP client that connects only to what its guard accepts.
#[derive(Clone)]
pub struct GuardedClient {
    guard: UrlGuard,
    http: Client,
    total: Duration,
    redirects: usize,
}

impl GuardedClient {
    pub(crate) fn new(guard: UrlGuard, timeouts: Timeouts) -> Result<Self, FetchError> {
        // Fails when somebody was first; theirs serves as well.
        rustls::crypto::ring::default_provider()
            .install_default()
            .ok();
        let http = Client::builder()
            .user_agent(concat!("vigie/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            // A proxy would resolve the name itself, unchecked.
            .no_proxy()
            .dns_resolver(guard.resolver())
            // Every call is checked on its own, so none may use the connection of another.
            .pool_max_idle_per_host(0)
            .connect_timeout(timeouts.connect)
            .read_timeout(timeouts.read)
            .build()?;
        Ok(Self {
            guard,
            http,
            total: timeouts.total,
            redirects: 0,
        })
    }

    /// The same client following up to `redirects` redirects, each checked like the first URL.
    #[must_use]
    pub fn following(mut self, redirects: usize) -> Self {
        self.redirects = redirects;
        self
    }

    /// Gets a URL. The body is not read yet. A client that follows no redirects hands them out as
    /// answers.
    pub async fn get(&self, url: &str) -> Result<Response, FetchError> {
        self.get_with(url, HeaderMap::new()).await
    }

    /// As [`GuardedClient::get`], with these headers, which redirects get too.
    pub async fn get_with(&self, url: &str, headers: HeaderMap) -> Result<Response, FetchError> {
        let deadline = Instant::now() + self.total;
        let mut url = self.guard.check(url)?;
        for _ in 0..=self.redirects {
            let left = deadline.saturating_duration_since(Instant::now());
            let answer = {
                let request = self.http.get(url.clone()).headers(headers.clone());
                request.timeout(left).send().await?
            };
            match self.next(&url, &answer)? {
                None => return Ok(answer),
                Some(next) => url = next,
            }
        }
        Err(FetchError::TooManyRedirects(self.redirects))
    }

    /// Posts to a URL, without following anything. The answer's body is not read yet; reading it
    /// counts into the time of the call.
    pub async fn post(
        &self,
        url: &str,
        headers: HeaderMap,
        body: Vec<u8>,
    ) -> Result<Response, FetchError> {
        let url = self.guard.check(url)?;
        let request = self.http.post(url).headers(headers).body(body);
        Ok(request.timeout(self.total).send().await?)
    }

    /// Where an answer leads, if anywhere.
    fn next(&self, from: &Url, answer: &Response) -> Result<Option<Url>, FetchError> {
        let leads_on = matches!(
            answer.status(),
            StatusCode::MOVED_PERMANENTLY
                | StatusCode::FOUND
                | StatusCode::SEE_OTHER
                | StatusCode::TEMPORARY_REDIRECT
                | StatusCode::PERMANENT_REDIRECT
        );
        let location = answer.headers().get(LOCATION);
        let Some(location) = location.filter(|_| leads_on && self.redirects > 0) else {
            return Ok(None);
        };
        let location = location.to_str().map_err(|_| FetchError::BadRedirect)?;
        let next = from.join(location).map_err(|_| FetchError::BadRedirect)?;
        Ok(Some(self.guard.check(next.as_str())?))
    }
}
