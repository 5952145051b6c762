//! Behaviour of the crate through its public API.

mod fixture;
mod grpc;
mod internal_tokens;
mod keys;
mod scope;
mod tokens;
