//! All SQL. Who writes a fiche holds its lock ([`fiche::lock`]).

pub mod details;
pub mod fiche;
pub mod lease;
pub mod list;
pub mod marker;
pub mod recordings;
