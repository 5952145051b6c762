//! Calls to addresses that users or the CRM gave us.
//!
//! [`UrlGuard`] decides which URLs may be called; [`GuardedClient`] calls them, connecting only to
//! addresses the guard has seen. [`Webhooks`] delivers what happened to a job: queued in the
//! transaction in which it happened, sent by any replica, tried again for days, logged. A receiver
//! hears at least once and in no order; the delivery's id and the job's sequence tell doubles.
//! Nothing here may call a URL unchecked, follow a redirect unchecked, look a name up twice between
//! the check and the connection, or log a URL, a body or a secret.

mod address;
mod client;
mod error;
mod guard;
mod host;
mod migrate;
mod origins;
mod resolver;
mod schedule;
mod sender;
pub mod signature;
mod store;
mod webhooks;
mod worker;

pub use address::is_public;
pub use client::{FetchError, GuardedClient, Timeouts};
pub use error::{GuardError, Reason};
pub use guard::{GuardConfig, UrlGuard};
pub use migrate::migrate;
pub use origins::OriginError;
pub use resolver::{GuardedResolver, Lookup, SystemLookup};
pub use schedule::ATTEMPTS;
pub use store::attempts::Attempt;
pub use store::backlog::Backlog;
pub use store::deliveries::{Again, Delivery};
pub use store::destinations::Destination;
pub use webhooks::{Logged, Notice, Settings, SetupError, SubscribeError, Subscription, Webhooks};
