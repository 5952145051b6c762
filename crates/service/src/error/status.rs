use super::{ErrorCode, ServiceError, WireError};
use std::error::Error;
use tonic::Status;

/// Makes the status of a failed RPC. Internal errors are logged here, once, with their chain; the
/// caller gets a bland text.
#[expect(clippy::needless_pass_by_value, reason = "reads as `.map_err(status)`")]
pub fn status(error: impl ServiceError) -> Status {
    let code = error.code();
    let internal = code == ErrorCode::Internal;
    if internal {
        tracing::error!(error = %chain(&error), "request failed");
    }
    WireError {
        code,
        message: if internal {
            WireError::INTERNAL.to_owned()
        } else {
            error.to_string()
        },
        details: error.details(),
        extras: error.extras(),
    }
    .into()
}

/// An error and its sources, in one line; transparent ones are told once.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut last = text.clone();
    let mut source = error.source();
    while let Some(error) = source {
        let next = error.to_string();
        if next != last {
            text.push_str(": ");
            text.push_str(&next);
            last = next;
        }
        source = error.source();
    }
    text
}
