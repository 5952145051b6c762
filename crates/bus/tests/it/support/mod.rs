mod handlers;
mod messages;
mod replica;
mod world;

pub use handlers::{Act, Scripted};
pub use messages::{Poked, poke, poked};
pub use replica::{Replica, options};
pub use world::{LIMIT, World};
