//! Private servers and whole stacks: for tests, and behind `vigie up`, `demo` and `bench`.
//!
//! [`Postgres`] and [`Nats`] give a test its own database and broker, [`stack`] starts all services
//! as separate processes under a supervisor, [`api`] is a typed client of the public HTTP API.
//! Whatever is started here dies with the process that started it, however that ends. Nothing in
//! this crate may be used by a service, and it never touches a server that it did not start, unless
//! it was told so by its environment.

pub mod api;
mod env;
mod leash;
mod nats;
mod ports;
mod postgres;
mod process;
pub mod stack;
pub mod tools;
pub mod wait;

pub use nats::{Nats, NatsOptions, TEST_NATS_URL};
pub use postgres::{Postgres, PostgresOptions, Schema, TEST_POSTGRES_URL, TestDatabase};
pub use process::{Process, ProcessSpec};
