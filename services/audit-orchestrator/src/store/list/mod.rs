//! Audits as lists and details show them.
//!
//! The filters of 6.2 are many and each excludes what it does not name, so these statements are put
//! together at run time: the one place without checked macros. Values are always bound, and the
//! scope of the caller is always the last condition.

mod fiches;
mod groups;
mod lookup;
mod page;
mod row;
mod statement;

pub use fiches::{FichePage, FicheRow, by_fiches};
pub use groups::{Group, GroupBy, Groups, group};
pub use lookup::{Tracked, by_fiche, fiche_of, of_fiches, one, tracked};
pub use page::{Page, page};
pub use row::ListedAudit;
