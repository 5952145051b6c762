//! Administration, through the gRPC port, as the gateway calls it.

mod directory;
mod import;
mod last_admin;
mod office;
mod rights;
mod roles;
mod service_tokens;
mod sync;
mod teams;
mod trail;
mod users;
