//! Who is calling and what they may see: principals, grants, scopes, tokens and the tonic layer that
//! checks them. Every service decides access here, so that one rule has one place.
//!
//! Must never: reach the network by itself (keys and internal tokens come through traits), hold a
//! private key outside [`tokens::Signer`], or log a token.

mod clock;
mod denied;
pub mod grants;
pub mod grpc;
mod guard;
mod principal;
mod revocations;
mod scope;
mod service_name;
pub mod tokens;

pub use clock::Clock;
pub use denied::{Denied, WIRE_CODE, authentication_required, coded_status};
pub use grants::{Grant, Scope};
pub use grpc::Caller;
pub use guard::{Access, Guard};
pub use principal::{Principal, PrincipalKind};
pub use revocations::Revocations;
pub use scope::FicheScope;
pub use service_name::{ServiceName, UnknownService};
