//! All SQL. Who writes a fiche holds its lock ([`fiche::lock`]).

pub mod access;
pub mod clock;
pub mod crm;
pub mod days;
pub mod details;
pub mod fiche;
pub mod jobs;
pub mod lease;
pub mod legacy;
pub mod list;
pub mod marker;
pub mod range;
pub mod recordings;
pub mod reseal;
pub mod sales;
pub mod sections;
