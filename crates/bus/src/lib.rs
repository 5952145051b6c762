//! How services talk without waiting for each other: JetStream topology, the transactional outbox
//! and its relay, the inbox, the consumer runtime, dead letters and the realtime stream.
//!
//! A service with a database sends only through [`outbox`], inside the transaction that [`Db`]
//! opens or that a handler is given, and receives only through [`Consumers`]. Postgres is the
//! truth and JetStream the wake-up: a broker that lost its disk costs time, never work. This crate
//! never decides what a message means, never logs a payload, and never relies on the broker alone
//! to stop a second worker.

mod bus;
mod config;
mod connection;
mod consume;
mod db;
pub mod dead_letters;
mod envelope;
mod error;
mod facts;
mod migrate;
mod names;
pub mod outbox;
mod publish;
mod realtime;
mod relay;
mod rounds;
mod store;
mod topology;
mod trace;

pub use bus::Bus;
pub use config::BusConfig;
pub use consume::{
    BatchHandler, ConsumerOptions, Consumers, Delivery, Failure, Handler, RealtimeQueue, Shown,
    StatelessWorker, Worker,
};
pub use db::{Db, Tx};
pub use error::{BusError, OutboxError};
pub use facts::FactFeed;
pub use migrate::migrate;
pub use publish::Sending;
pub use realtime::{RealtimeFrame, RealtimeStart, RealtimeState, RealtimeStream};
