//! Live events: one reader of the realtime stream a replica, fanned out in memory to its clients.

mod fanout;
pub mod frame;
pub mod hub;
mod resume;
mod session;

pub use fanout::{Event, Fanout, Item, Subscription};
pub use resume::{ResetReason, Resume, plan};
pub use session::{Opening, Renewal, Session};

use std::sync::Arc;
use vigie_bus::Bus;

/// What event streams are made of.
pub struct Live {
    /// For what was missed.
    pub bus: Bus,
    /// For what comes.
    pub fanout: Arc<Fanout>,
}
