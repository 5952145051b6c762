//! Pure rules of schedules and runs: no database, no bus, no clock.

pub mod access;
pub mod audits;
pub mod cron;
pub mod fields;
pub mod item;
pub mod metadata;
pub mod outcome;
pub mod plan;
mod properties;
pub mod reply;
pub mod schedule;
pub mod selection;
pub mod snapshot;
pub mod time;
pub mod webhook;
