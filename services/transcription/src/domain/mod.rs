//! What a run is and how it ends: pure.

pub mod plan;
pub mod prices;
pub mod request_id;
pub mod run;
pub mod transcript;

/// A count as the wire and the tables hold it.
pub fn count(n: usize) -> i32 {
    i32::try_from(n).unwrap_or(i32::MAX)
}
