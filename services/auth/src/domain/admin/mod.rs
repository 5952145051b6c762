//! Rules of administration (identity.md 2.3 to 2.7, W16).

pub mod fields;
pub mod grants;
pub mod status;
