//! How fetch jobs move on (fiches.md 5). Every step is one transaction on the job's locked row.

mod advance;
mod open;
mod settle;

pub use open::{Opened, Webhook, Wish, open};
pub use settle::{DayEnd, expire, restart, settle};

use vigie_bus::OutboxError;
use vigie_webhooks::SubscribeError;

/// A step failed and was undone.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// The database failed.
    #[error(transparent)]
    Store(#[from] sqlx::Error),
    /// The outbox refused a message.
    #[error(transparent)]
    Outbox(#[from] OutboxError),
    /// A message does not serialise.
    #[error("cannot encode a message")]
    Encode(#[from] serde_json::Error),
    /// A webhook could not be subscribed.
    #[error(transparent)]
    Subscribe(#[from] SubscribeError),
}
