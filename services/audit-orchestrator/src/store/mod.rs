//! All SQL, one file per aggregate. Functions take a connection; their callers own transactions.

pub mod audit;
pub mod batch;
pub mod batch_audits;
pub mod batch_sweep;
pub mod call;
pub mod catalogue;
pub mod change;
pub mod config;
pub mod config_edit;
pub mod context;
pub mod end;
pub mod fiche;
pub mod insert;
pub mod layers;
pub mod lease;
pub mod list;
pub mod log;
pub mod pace;
pub mod point;
pub mod projection;
pub mod rerun;
pub mod rescore;
pub mod review;
pub mod step;
pub mod story;
pub mod stuck;
pub mod sweep;
pub mod trail;
pub mod view;

/// A stored value that its column's rules exclude: an error, never a default.
fn impossible(error: impl std::error::Error + Send + Sync + 'static) -> sqlx::Error {
    sqlx::Error::Decode(Box::new(error))
}

/// Separates the items of a list that travels as one text, because an array of arrays must be
/// rectangular. Postgres splits it with `string_to_array(…, chr(31))`; no text of ours holds it.
const UNIT_SEPARATOR: char = '\u{1f}';

/// A list as one text for `string_to_array`.
fn joined(items: &[String]) -> String {
    let mut text = String::new();
    for item in items.iter().filter(|item| !item.is_empty()) {
        if !text.is_empty() {
            text.push(UNIT_SEPARATOR);
        }
        text.extend(item.chars().filter(|c| *c != UNIT_SEPARATOR));
    }
    text
}
