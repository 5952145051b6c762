//! What is judged and what comes of it.

pub mod judgement;
pub mod mishearings;
pub mod prompt;
pub mod tools;
