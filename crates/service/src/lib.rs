//! What every service needs and none should build again: configuration, telemetry, health, Postgres,
//! the bus, gRPC servers and channels, errors on the wire, and the order in which all of it stops.
//!
//! Must never: know a domain, a table or an RPC of any service but auth's two token RPCs.

mod boot;
pub mod env;
mod error;
pub mod grpc;
mod http;
mod platform;
pub mod postgres;
mod readiness;
mod revocations;
mod run;
pub mod telemetry;

pub use boot::{Boot, Parts, Running, start};
pub use env::{Env, EnvErrors, FromEnv};
pub use error::{Detail, ErrorCode, Extras, RETRY_AFTER_SECONDS, ServiceError, WireError, status};
pub use grpc::{GrpcOptions, InternalChannel};
pub use platform::{Database, LogFormat, LogSettings, Mode, Nats, Peers, Platform};
pub use run::run;
pub use vigie_identity::{Clock, ServiceName};
