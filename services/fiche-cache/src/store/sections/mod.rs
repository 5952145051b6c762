//! The sections of a fiche, each in its own tables (fiches.md 4.4, 7): one statement writes them all,
//! one reads them all. Column names are the keys of the payload.

mod insert;
mod mail;
mod read;

pub use insert::insert;
pub use mail::insert as insert_mail;
pub use read::{Stored, read};
