//! What the other crates' tests stand on.

mod servers;
mod stack;
