//! Types and rules of audits: no SQL, no gRPC, no bus.

pub mod announcer;
pub mod answer;
pub mod audit;
pub mod cursor;
pub mod filters;
pub mod material;
pub mod prices;
pub mod request_id;
pub mod snapshot;
pub mod time;
pub mod view;
pub mod window;
