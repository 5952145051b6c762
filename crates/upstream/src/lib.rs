//! Clients of the outside world: the CRM gateway, speech to text, language models.
//!
//! Each client makes bounded, traced, counted calls and returns typed values and sanitised errors. It must never
//! read the environment, keep state outside the client value, touch a database or the bus, or let a token, a
//! prompt, a transcript or a URL with its query string reach an error text, a log line or a metric label.

mod budget;
mod http;
mod sanitize;
mod telemetry;

pub mod crm;
pub mod llm;
pub mod recording;
pub mod retry;
pub mod speech;

pub use budget::Budget;
pub use http::{NetworkCause, SetupError};
