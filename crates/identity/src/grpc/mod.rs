//! The edge of a gRPC service: who calls, taken from the metadata and verified.

mod caller;
mod layer;

pub use caller::{Caller, with_user};
pub use layer::{Auth, AuthLayer};

/// Metadata key of the token that names the calling service.
pub const INTERNAL_TOKEN: &str = "x-vigie-internal";
