//! The engines on whole calls, and on a model that misbehaves.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod lexical;
mod misbehaviour;
mod model;
mod openai;
mod support;
mod tools;
