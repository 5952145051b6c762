//! Live progress over SSE (`events-and-config.md` E7).

pub(super) mod channels;
pub(super) mod stream;
pub(super) mod tickets;
