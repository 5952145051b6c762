//! Faults on demand and the record of requests, the same on every simulator.
//!
//! `POST /__faults` adds a [`Rule`], `GET` lists them, `DELETE` forgets them. `GET /__calls` tells
//! what was asked, `DELETE /__calls` forgets it. [`Faults::guard`] puts a router under them.
//!
//! The generic kinds are applied before or around the handler; every other kind waits for a
//! handler to ask for it: `hit.take("success_false")`, with `Extension(hit): Extension<Hit>`.

mod journal;
mod layer;
mod routes;
mod rule;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::routing::get;
use bytes::Bytes;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use journal::Journal;
pub use journal::{Call, Calls};
use rule::Armed;
pub use rule::{Rule, kind};

/// The rules and the record of one simulator.
#[derive(Clone)]
pub struct Faults {
    inner: Arc<Inner>,
}

struct Inner {
    rules: Mutex<Vec<Armed>>,
    journal: Mutex<Journal>,
    own: &'static [&'static str],
    error_body: fn(u16) -> Value,
    stopping: CancellationToken,
}

impl Faults {
    /// No faults yet. `error_body` words an injected status as this upstream would; hanging
    /// requests are let go when `stopping` is cancelled.
    pub fn new(error_body: fn(u16) -> Value, stopping: CancellationToken) -> Self {
        Self::with_own(error_body, stopping, &[])
    }

    /// As [`Faults::new`], leaving the generic kinds named in `own` to the handlers.
    pub fn with_own(
        error_body: fn(u16) -> Value,
        stopping: CancellationToken,
        own: &'static [&'static str],
    ) -> Self {
        Self {
            inner: Arc::new(Inner {
                rules: Mutex::default(),
                journal: Mutex::default(),
                own,
                error_body,
                stopping,
            }),
        }
    }

    /// Puts a router under these faults and adds the control routes.
    pub fn guard(&self, router: Router) -> Router {
        let control = Router::new()
            .route(
                "/__faults",
                get(routes::list).post(routes::add).delete(routes::clear),
            )
            .route("/__calls", get(routes::calls).delete(routes::forget_calls))
            .with_state(self.clone());
        router
            .layer(axum::middleware::from_fn_with_state(
                self.clone(),
                layer::inject,
            ))
            .merge(control)
    }

    /// Adds a rule; rules act in the order they were added.
    pub fn add(&self, rule: Rule) {
        lock(&self.inner.rules).push(Armed::new(rule));
    }

    /// The rules with how often each has acted.
    pub fn rules(&self) -> Vec<(Rule, u32)> {
        lock(&self.inner.rules).iter().map(Armed::state).collect()
    }

    /// Forgets every rule.
    pub fn clear(&self) {
        lock(&self.inner.rules).clear();
    }

    /// What was asked so far.
    pub fn calls(&self) -> Calls {
        lock(&self.inner.journal).calls()
    }

    /// Forgets what was asked so far.
    pub fn forget_calls(&self) {
        lock(&self.inner.journal).forget();
    }

    /// Takes the first rule of a kind that fits the request, and counts it as used.
    pub fn take(&self, kind: &str, seen: &Seen) -> Option<Rule> {
        lock(&self.inner.rules)
            .iter_mut()
            .filter(|armed| armed.rule().kind == kind)
            .find_map(|armed| armed.fire(seen))
    }
}

/// What a rule can look at in a request.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Path, without the query.
    pub path: String,
    /// Query as sent, or empty.
    pub query: String,
    /// Whole body.
    pub body: Bytes,
}

/// One request under faults, handed to handlers as a request extension.
#[derive(Clone)]
pub struct Hit {
    faults: Faults,
    seen: Arc<Seen>,
    number: u64,
}

impl Hit {
    /// Takes a rule of a kind that fits this request, if there is one.
    pub fn take(&self, kind: &str) -> Option<Rule> {
        self.faults.take(kind, &self.seen)
    }

    /// Names what this request asks for, so that repeated work can be counted.
    pub fn set_key(&self, key: impl Into<String>) {
        lock(&self.faults.inner.journal).set_key(self.number, key.into());
    }

    /// The request body as received.
    pub fn body(&self) -> &Bytes {
        &self.seen.body
    }
}

/// A poisoned lock holds nothing half-written here: each change is one push or one counter.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
