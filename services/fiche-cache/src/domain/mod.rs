//! Types and rules of cached fiches: no I/O.

pub mod cached;
pub mod clean;
pub mod day;
pub mod decision;
pub mod details;
pub mod flights;
pub mod payload;
pub mod recording;
pub mod summary;
