//! The bus on a real Postgres and a real NATS server: one module an invariant of the
//! architecture page, and one each for what else it promises.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail the test"
)]

mod any_replica;
mod atomic;
mod ends;
mod facts;
mod no_polling;
mod once;
mod outage;
mod paid_once;
mod realtime;
mod scoped;
mod support;
mod too_old;
mod topology;
