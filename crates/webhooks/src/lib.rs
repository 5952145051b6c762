//! Calls to addresses that users or the CRM gave us.
//!
//! [`UrlGuard`] decides which URLs may be called; [`GuardedClient`] calls them, connecting only to
//! addresses the guard has seen. Nothing here may call a URL unchecked, follow a redirect
//! unchecked, or look a name up twice between the check and the connection.

mod address;
mod client;
mod error;
mod guard;
mod host;
mod origins;
mod resolver;

pub use address::is_public;
pub use client::{FetchError, GuardedClient, Timeouts};
pub use error::{GuardError, Reason};
pub use guard::{GuardConfig, UrlGuard};
pub use origins::OriginError;
pub use resolver::{GuardedResolver, Lookup, SystemLookup};
