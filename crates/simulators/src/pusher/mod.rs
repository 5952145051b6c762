//! The publishing side of Pusher Channels: signed events in, a list of them out.
//!
//! `GET /__events` tells what was published, `DELETE` forgets it; `GET /__terminations` tells whose
//! connections were ended, `DELETE` forgets it.

mod events;
mod signature;
mod users;

use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::routing::{get, post};
use secrecy::SecretString;
use serde_json::{Value, json};

use crate::faults::Faults;
use events::Published;
use users::Terminated;

/// How the Pusher simulator is set up.
#[derive(Debug, Clone)]
pub struct Options {
    /// The one key known.
    pub key: String,
    /// Secret of that key.
    pub secret: SecretString,
}

#[derive(Clone)]
struct Server {
    options: Options,
    published: Arc<Mutex<Published>>,
    terminated: Arc<Mutex<Terminated>>,
}

impl Server {
    fn published<T>(&self, use_it: impl FnOnce(&mut Published) -> T) -> T {
        use_it(
            &mut self
                .published
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        )
    }

    fn terminated<T>(&self, use_it: impl FnOnce(&mut Terminated) -> T) -> T {
        use_it(
            &mut self
                .terminated
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        )
    }
}

/// The routes of Pusher, under its faults.
pub fn router(options: Options, faults: &Faults) -> Router {
    let server = Server {
        options,
        published: Arc::default(),
        terminated: Arc::default(),
    };
    let api = Router::new()
        .route("/apps/{app_id}/events", post(events::publish))
        .route("/apps/{app_id}/batch_events", post(events::publish_batch))
        .route(
            "/apps/{app_id}/users/{user_id}/terminate_connections",
            post(users::terminate),
        )
        .with_state(server.clone());
    let control = Router::new()
        .route("/__events", get(events::list).delete(events::forget))
        .route("/__terminations", get(users::list).delete(users::forget))
        .with_state(server);
    faults.guard(api).merge(control)
}

/// Pusher words its errors as plain text.
pub(crate) fn error_body(status: u16) -> Value {
    json!(format!("Error {status}, on demand\n"))
}
