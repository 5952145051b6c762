//! What happens to every request before its handler: who calls, what they may, what they sent; and
//! to every answer after it.

mod body;
mod client;
mod cors;
mod credentials;
mod extract;
mod finish;
mod gate;
mod origin;
mod provenance;
mod tricks;

pub use body::Payload;
pub use client::client_address;
pub use credentials::{ApiTokens, Credentials};
pub use extract::Params;
pub use gate::{admit, admit_nowhere};
pub use origin::require_own_origin;
pub use provenance::told;

pub(super) use cors::cors;
pub(super) use finish::finish;
pub(super) use gate::Gate;
pub(super) use tricks::refuse_tricks;
