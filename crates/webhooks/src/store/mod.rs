//! All SQL.

pub mod attempts;
pub mod claims;
pub mod deliveries;
pub mod destinations;
pub mod subscriptions;
