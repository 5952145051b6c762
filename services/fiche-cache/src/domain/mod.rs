//! Types and rules of cached fiches: no I/O.

pub mod cached;
pub mod circuit;
pub mod clean;
pub mod day;
pub mod decision;
pub mod details;
pub mod flat;
pub mod flights;
pub mod jobs;
pub mod legacy;
pub mod payload;
pub mod reach;
pub mod recording;
pub mod sales_day;
pub mod summary;
pub mod vault;
