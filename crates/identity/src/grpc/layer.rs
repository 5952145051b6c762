use super::{Caller, INTERNAL_TOKEN};
use crate::ServiceName;
use crate::denied::{authentication_required, coded_status};
use crate::tokens::{Verifier, VerifyError};
use http::{HeaderMap, Request, Response};
use secrecy::SecretString;
use std::collections::HashSet;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tonic::{Code, Status};
use tower::{Layer, Service};

/// RPCs of every server that need no credential and reveal none.
const ALWAYS_PUBLIC: [&str; 2] = ["/grpc.health.v1.Health/", "/grpc.reflection."];

/// Verifies both tokens of a call and puts the [`Caller`] into the request's extensions.
///
/// Every RPC needs a valid internal token but the public ones, which only learn from it which service
/// calls, if one does. A user token is optional here (the RPC asks for it), but a present one must be
/// valid.
#[derive(Clone)]
pub struct AuthLayer {
    gate: Arc<Gate>,
}

struct Gate {
    verifier: Arc<Verifier>,
    service: ServiceName,
    public: HashSet<&'static str>,
}

impl AuthLayer {
    /// A layer for the server of `service`; `public` are full RPC paths
    /// (`/vigie.auth.v1.AuthService/Login`).
    pub fn new(
        verifier: Arc<Verifier>,
        service: ServiceName,
        public: impl IntoIterator<Item = &'static str>,
    ) -> Self {
        let public = public.into_iter().collect();
        Self {
            gate: Arc::new(Gate {
                verifier,
                service,
                public,
            }),
        }
    }
}

impl<S> Layer<S> for AuthLayer {
    type Service = Auth<S>;

    fn layer(&self, inner: S) -> Auth<S> {
        Auth {
            inner,
            gate: Arc::clone(&self.gate),
        }
    }
}

/// The service made by [`AuthLayer`].
#[derive(Clone)]
pub struct Auth<S> {
    inner: S,
    gate: Arc<Gate>,
}

impl<S, B, R> Service<Request<B>> for Auth<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    B: Send + 'static,
    R: Default,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<R>, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let gate = Arc::clone(&self.gate);
        // The clone is not ready; the one that was polled ready takes the call.
        let clone = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, clone);
        Box::pin(async move {
            match gate.admit(request.uri().path(), request.headers()).await {
                Ok(caller) => {
                    request.extensions_mut().insert(caller);
                    inner.call(request).await
                }
                Err(status) => Ok(status.into_http()),
            }
        })
    }
}

impl Gate {
    async fn admit(&self, path: &str, headers: &HeaderMap) -> Result<Caller, Status> {
        if self.is_public(path) {
            return Ok(Caller {
                service: self.known(headers).await,
                ..Caller::default()
            });
        }
        let internal = text(headers, INTERNAL_TOKEN)?.ok_or_else(authentication_required)?;
        let service = self
            .verifier
            .internal(internal, self.service)
            .await
            .map_err(refusal)?;
        let mut caller = Caller {
            service: Some(service),
            ..Caller::default()
        };
        if let Some(authorization) = text(headers, "authorization")? {
            let token = bearer(authorization).ok_or_else(authentication_required)?;
            caller.principal = Some(self.verifier.access(token).await.map_err(refusal)?);
            caller.token = Some(SecretString::from(token));
        }
        Ok(caller)
    }

    /// Who calls a public RPC: what it says of its clients is worth no more than its own token.
    async fn known(&self, headers: &HeaderMap) -> Option<ServiceName> {
        let token = text(headers, INTERNAL_TOKEN).ok()??;
        self.verifier.internal(token, self.service).await.ok()
    }

    fn is_public(&self, path: &str) -> bool {
        self.public.contains(path) || ALWAYS_PUBLIC.iter().any(|prefix| path.starts_with(prefix))
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, Status> {
    let mut values = headers.get_all(name).iter();
    let value = values.next();
    // Of two credentials each reader might choose another one.
    if values.next().is_some() {
        return Err(authentication_required());
    }
    value
        .map(|value| value.to_str().map_err(|_| authentication_required()))
        .transpose()
}

fn bearer(authorization: &str) -> Option<&str> {
    let (scheme, token) = authorization.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then(|| token.trim())
        .filter(|token| !token.is_empty())
}

fn refusal(error: VerifyError) -> Status {
    match error {
        VerifyError::Keys(error) => {
            tracing::warn!(error = %error, "no keys to verify tokens with");
            coded_status(
                Code::Unavailable,
                "SERVICE_UNAVAILABLE",
                "Service unavailable",
            )
        }
        VerifyError::Malformed
        | VerifyError::Algorithm
        | VerifyError::Type
        | VerifyError::UnknownKey
        | VerifyError::Refused(_)
        | VerifyError::Expired
        | VerifyError::Life
        | VerifyError::Revoked
        | VerifyError::Claims(_) => {
            tracing::debug!(error = %error, "token refused");
            authentication_required()
        }
    }
}
