//! What is judged and what comes of it.

pub mod judgement;
pub mod prompt;
pub mod tools;
