//! The environment, read once at start by one set of rules (events-and-config.md F0).

mod errors;
mod read;

pub use errors::{EnvErrors, Problem};

use std::collections::HashMap;
use std::path::Path;

/// Settings that a service reads from the environment.
pub trait FromEnv: Sized {
    /// Reads every setting, then ends with [`Env::done`], so that all problems are told together.
    fn from_env(env: &mut Env) -> Result<Self, EnvErrors>;
}

/// A service without settings of its own.
impl FromEnv for () {
    fn from_env(env: &mut Env) -> Result<Self, EnvErrors> {
        env.done(())
    }
}

/// The variables, and the problems found so far.
///
/// Readers never fail: they note the problem and return a stand-in, so that one start reports every
/// mistake. [`done`](Self::done) refuses a configuration that holds stand-ins.
pub struct Env {
    variables: HashMap<String, String>,
    problems: Vec<Problem>,
}

impl Env {
    /// The environment of the process. Variables that are not text are left out.
    pub fn from_process() -> Self {
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Self {
            variables: std::env::vars_os().filter_map(text).collect(),
            problems: Vec::new(),
        }
    }

    /// An environment made of these variables.
    pub fn from_map<K: Into<String>, V: Into<String>>(
        variables: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        let variables = variables
            .into_iter()
            .map(|(name, value)| (name.into(), value.into()))
            .collect();
        Self {
            variables,
            problems: Vec::new(),
        }
    }

    /// Reads a whole configuration.
    pub fn read<C: FromEnv>(mut self) -> Result<C, EnvErrors> {
        C::from_env(&mut self)
    }

    /// Ends a `from_env`: the configuration, unless a reader met a problem.
    pub fn done<C>(&mut self, config: C) -> Result<C, EnvErrors> {
        if self.problems.is_empty() {
            Ok(config)
        } else {
            Err(EnvErrors::new(self.problems.clone()))
        }
    }

    /// Notes a problem: settings that contradict each other are named together (`"A, B"`).
    pub fn problem(&mut self, names: impl Into<String>, what: impl Into<String>) {
        let problem = Problem {
            name: names.into(),
            what: what.into(),
        };
        if !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }

    /// The value of a variable or of the file that `<NAME>_FILE` names: trimmed, without one pair of
    /// quotes; blank is the same as unset.
    fn lookup(&mut self, name: &str) -> Option<String> {
        let file_name = format!("{name}_FILE");
        let direct = self.variables.get(name).and_then(|text| clean(text));
        let file = self.variables.get(&file_name).and_then(|text| clean(text));
        match (direct, file) {
            (direct, None) => direct,
            (None, Some(path)) => self.read_file(&file_name, Path::new(&path)),
            (Some(_), Some(_)) => {
                self.problem(format!("{name}, {file_name}"), "both are set");
                None
            }
        }
    }

    fn read_file(&mut self, name: &str, path: &Path) -> Option<String> {
        match std::fs::read_to_string(path) {
            Ok(text) => clean(&text),
            Err(error) => {
                self.problem(name, format!("cannot be read: {}", error.kind()));
                None
            }
        }
    }
}

/// Trims, removes one pair of quotes, drops blanks.
fn clean(text: &str) -> Option<String> {
    let text = text.trim();
    let inner = ['"', '\'']
        .iter()
        .find_map(|quote| text.strip_prefix(*quote)?.strip_suffix(*quote));
    let text = inner.unwrap_or(text).trim();
    (!text.is_empty()).then(|| text.to_owned())
}
