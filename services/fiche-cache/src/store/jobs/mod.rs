//! Fetch jobs and their days.

mod create;
mod days;
mod fiches;
mod find;
mod sweep;

pub use create::{NewJob, create};
pub use days::{OpenDay, fail, failed_days, open_days, progress, reported, retry, sent, settle};
pub use fiches::{Counted, count, noticed, unreported};
pub use find::{find, latest, list, lock, save};
pub use sweep::{lost, overdue};
