//! The one place of this crate that reads the environment.

/// A variable, `None` when unset, blank or not Unicode.
#[expect(
    clippy::disallowed_methods,
    reason = "the harness has no service configuration"
)]
pub fn var(name: &str) -> Option<String> {
    std::env::var(name)
        .ok()
        .filter(|value| !value.trim().is_empty())
}
