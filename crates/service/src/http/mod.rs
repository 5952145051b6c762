//! The plain HTTP listener beside gRPC: metrics, liveness and readiness.

mod ops;
mod process;
mod serve;

pub(crate) use ops::router;
pub(crate) use serve::{PATIENCE, serve};
