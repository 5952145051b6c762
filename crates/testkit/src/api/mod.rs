//! A typed client of the public HTTP API, as anybody could write it: nothing in here knows more
//! than the contract says.

mod audits;
mod automation;
mod client;
mod fiches;
mod json;
mod scorecard;
mod stream;

pub use audits::{AuditDetail, Queued};
pub use automation::RunSummary;
pub use client::{ApiClient, ApiError, http_client};
pub use fiches::{SaleDay, SaleFiche};
pub use json::text;
pub use scorecard::{PointLine, Quote, Scorecard, StepLine};
pub use stream::{Frame, LiveEvents};
