mod code;
mod status;
mod wire;

pub use code::ErrorCode;
pub use status::status;
pub use wire::WireError;

use serde::{Deserialize, Serialize};

/// Named values that stand beside an error in the response, such as `run_id`.
pub type Extras = serde_json::Map<String, serde_json::Value>;

/// The extra of a refusal that says when to come back, in whole seconds: the gateway's `Retry-After`.
pub const RETRY_AFTER_SECONDS: &str = "retry_after_seconds";

/// One issue of a refused input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Detail {
    /// Where: `body.ficheIds[3]`.
    pub path: String,
    /// What kind of issue.
    pub code: String,
    /// For a person.
    pub message: String,
}

/// An operation's error, as its caller may see it.
pub trait ServiceError: std::error::Error {
    /// Its class; decides every status.
    fn code(&self) -> ErrorCode;

    /// The issues of a refused input.
    fn details(&self) -> Vec<Detail> {
        Vec::new()
    }

    /// Named values beside the error.
    fn extras(&self) -> Extras {
        Extras::new()
    }
}
