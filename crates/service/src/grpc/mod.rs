//! gRPC servers and channels with every limit set in one place: tonic bounds nothing by itself.

mod channel;
mod deadline;
mod health;
mod origin;
mod server;
mod server_span;
mod tokens;

pub use channel::InternalChannel;
pub use origin::Origin;
pub use server::{GrpcOptions, MAX_MESSAGE_BYTES};

pub(crate) use server::{Parts as ServerParts, serve};
pub(crate) use tokens::{AuthKeys, AuthTokens};

/// The service and method of an RPC path (`/vigie.audit.v1.AuditService/Run`).
fn split_path(path: &str) -> (&str, &str) {
    path.trim_start_matches('/')
        .split_once('/')
        .unwrap_or(("unknown", "unknown"))
}
