//! The only public door: verifies credentials, answers 401 and 403 early, limits what is read, maps
//! HTTP to gRPC, composes answers of several services, and shows live progress over SSE.
//!
//! Must never: decide what a caller may see (the services do, from the token that is passed on),
//! keep state that another replica would need, or log a token, a body or a query string.

pub mod app;
pub mod bridge;
pub mod config;
pub mod domain;
pub mod http;
pub mod live;
