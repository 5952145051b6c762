//! Consumed messages, one file each.

mod step_analyze;

pub use step_analyze::AnalyzeStep;
