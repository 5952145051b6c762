//! All SQL.

pub mod attempts;
pub mod backlog;
pub mod claims;
pub mod deliveries;
pub mod destinations;
pub mod subscriptions;
