//! The engines on whole calls, and on a model that misbehaves.

mod lexical;
mod openai;
mod support;
