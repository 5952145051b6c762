//! Rules without I/O: what requests mean, and how answers of several services become one.

pub mod channel;
pub mod ids;
pub mod links;
pub mod pusher;
pub mod recordings;
pub mod reduce;
pub mod run_input;
pub mod status;
