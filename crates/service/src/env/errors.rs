use std::fmt;

/// One variable (or several that contradict each other) and what is wrong. Never holds the value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The variable.
    pub name: String,
    /// What is wrong with it.
    pub what: String,
}

/// Everything that is wrong with the environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvErrors(Vec<Problem>);

impl EnvErrors {
    pub(crate) fn new(problems: Vec<Problem>) -> Self {
        Self(problems)
    }

    /// The problems, in the order they were met.
    pub fn problems(&self) -> &[Problem] {
        &self.0
    }
}

impl fmt::Display for EnvErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("invalid configuration")?;
        for (i, Problem { name, what }) in self.0.iter().enumerate() {
            write!(f, "{} {name} {what}", if i == 0 { ":" } else { ";" })?;
        }
        Ok(())
    }
}

impl std::error::Error for EnvErrors {}
