//! Types and rules of audits: no SQL, no gRPC, no bus.

pub mod announcer;
pub mod answer;
pub mod audit;
pub mod batch;
pub mod change;
pub mod config_input;
pub mod cursor;
pub mod filters;
pub mod guidance;
pub mod input;
pub mod material;
pub mod pace;
pub mod prices;
pub mod request_id;
pub mod resummary;
pub mod snapshot;
pub mod time;
pub mod view;
pub mod window;
