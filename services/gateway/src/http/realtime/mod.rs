//! Live progress: over SSE (`events-and-config.md` E7), and for clients of Pusher (`identity.md` 3).

pub(super) mod channels;
pub(super) mod pusher;
pub(super) mod stream;
pub(super) mod tickets;
