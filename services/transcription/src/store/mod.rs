//! All SQL, one file per aggregate. Functions take a connection; their callers own transactions.
//! Rows are locked in one order: run, item, limit, batch.

pub mod batch;
pub mod call;
pub mod item;
pub mod limit;
pub mod log;
pub mod open;
pub mod run;
pub mod start;
pub mod sweep;
pub mod transcript;
pub mod view;

/// A stored value that its column's rules exclude: an error, never a default.
fn impossible(error: impl std::error::Error + Send + Sync + 'static) -> sqlx::Error {
    sqlx::Error::Decode(Box::new(error))
}
