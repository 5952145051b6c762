//! A whole stack: Postgres, NATS, simulators and all services, under one supervisor.

mod environment;
mod home;
mod keeper;
mod layout;
mod options;
mod running;
mod secrets;
mod service;
mod simulated;
mod state;

pub use home::{Home, HomeLock};
pub use options::StackOptions;
pub use running::Stack;
pub use secrets::Secrets;
pub use service::{Replica, Service};
pub use simulated::Simulator;
pub use state::{Admin, ServerState, ServiceState, SimulatorUrls, StackState};
