//! A service from its parts to its end.

mod clients;
mod core;
mod handle;
mod running;
mod serving;

pub use handle::Boot;
pub use running::{Parts, Running, start};
