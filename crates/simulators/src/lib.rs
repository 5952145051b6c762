//! Stand-ins for the outside world: the CRM, ElevenLabs, an `OpenAI` compatible model and Pusher.
//!
//! They are real HTTP servers speaking the real protocols, with faults on demand, so that services
//! run unchanged against them. No service may depend on this crate, and it holds no test mode of
//! theirs: what a service cannot say over the wire, a simulator does not know.

pub mod calls;
pub mod crm;
pub mod faults;
pub mod llm;
pub mod pusher;
pub mod stt;

mod start;

pub use start::{DEFAULT_PUSHER_KEY, DEFAULT_PUSHER_SECRET, Options, Simulators, StartError};
