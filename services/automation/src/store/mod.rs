//! All SQL, one file per aggregate. Functions take a connection; their callers own transactions.
//! A transaction locks the run before its fiches; free slots are given last, under their own lock.

pub mod audit;
pub mod item;
pub mod links;
pub mod log;
pub mod result;
pub mod run;
pub mod runs;
pub mod schedule;
pub mod slots;
pub mod sweep;

/// A stored value that its column's rules exclude: an error, never a default.
fn impossible(error: impl std::error::Error + Send + Sync + 'static) -> sqlx::Error {
    sqlx::Error::Decode(Box::new(error))
}

/// A counter as stored: what does not fit is as good as endless.
fn as_u32(number: i32) -> u32 {
    u32::try_from(number).unwrap_or(0)
}

fn as_i32(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}
