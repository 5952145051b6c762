use super::Env;
use secrecy::SecretString;
use std::fmt::Display;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;
use url::Url;

const REQUIRED: &str = "is required";

impl Env {
    /// Text, or the default.
    pub fn string(&mut self, name: &str, default: &str) -> String {
        self.lookup(name).unwrap_or_else(|| default.to_owned())
    }

    /// Text that may be absent.
    pub fn optional(&mut self, name: &str) -> Option<String> {
        self.lookup(name)
    }

    /// Text that must be there.
    pub fn required(&mut self, name: &str) -> String {
        self.lookup(name).unwrap_or_else(|| {
            self.problem(name, REQUIRED);
            String::new()
        })
    }

    /// A secret that must be there.
    pub fn secret(&mut self, name: &str) -> SecretString {
        self.required(name).into()
    }

    /// A secret that may be absent.
    pub fn optional_secret(&mut self, name: &str) -> Option<SecretString> {
        self.lookup(name).map(SecretString::from)
    }

    /// A URL that must be there.
    pub fn url(&mut self, name: &str) -> Url {
        if let Some(text) = self.lookup(name) {
            return self.parse_url(name, &text).unwrap_or_else(stand_in);
        }
        self.problem(name, REQUIRED);
        stand_in()
    }

    /// A URL, or the default.
    pub fn url_or(&mut self, name: &str, default: &str) -> Url {
        let text = self.lookup(name).unwrap_or_else(|| default.to_owned());
        self.parse_url(name, &text).unwrap_or_else(stand_in)
    }

    /// A URL that may be absent.
    pub fn optional_url(&mut self, name: &str) -> Option<Url> {
        let text = self.lookup(name)?;
        self.parse_url(name, &text)
    }

    /// A whole number of at least `min`, or the default.
    pub fn int_min<N: FromStr + PartialOrd + Display + Copy>(
        &mut self,
        name: &str,
        default: N,
        min: N,
    ) -> N {
        self.optional_int_min(name, min).unwrap_or(default)
    }

    /// A whole number of at least `min` that may be absent.
    pub fn optional_int_min<N: FromStr + PartialOrd + Display + Copy>(
        &mut self,
        name: &str,
        min: N,
    ) -> Option<N> {
        let text = self.lookup(name)?;
        match text.parse::<N>() {
            Ok(number) if number >= min => Some(number),
            Ok(_) => {
                self.problem(name, format!("must be at least {min}"));
                None
            }
            Err(_) => {
                self.problem(name, "must be a whole number");
                None
            }
        }
    }

    /// `1,true,yes,on` or `0,false,no,off`, or the default.
    pub fn flag(&mut self, name: &str, default: bool) -> bool {
        self.optional_flag(name).unwrap_or(default)
    }

    /// A flag whose absence means something of its own.
    pub fn optional_flag(&mut self, name: &str) -> Option<bool> {
        let text = self.lookup(name)?.to_ascii_lowercase();
        match text.as_str() {
            "1" | "true" | "yes" | "on" => Some(true),
            "0" | "false" | "no" | "off" => Some(false),
            _ => {
                self.problem(name, "must be one of 1, true, yes, on, 0, false, no, off");
                None
            }
        }
    }

    /// A comma list: trimmed entries, blanks dropped, doubles dropped.
    pub fn csv(&mut self, name: &str) -> Vec<String> {
        let text = self.lookup(name).unwrap_or_default();
        let mut entries: Vec<String> = Vec::new();
        for entry in text
            .split(',')
            .map(str::trim)
            .filter(|entry| !entry.is_empty())
        {
            if !entries.iter().any(|known| known == entry) {
                entries.push(entry.to_owned());
            }
        }
        entries
    }

    /// A number of seconds of at least `min`, or the default.
    pub fn seconds(&mut self, name: &str, default: u64, min: u64) -> Duration {
        Duration::from_secs(self.int_min(name, default, min))
    }

    /// A number of milliseconds of at least `min`, or the default.
    pub fn millis(&mut self, name: &str, default: u64, min: u64) -> Duration {
        Duration::from_millis(self.int_min(name, default, min))
    }

    /// A value of any type that reads itself, or the default.
    pub fn parsed<T: FromStr>(&mut self, name: &str, default: T) -> T
    where
        T::Err: Display,
    {
        self.optional_parsed(name).unwrap_or(default)
    }

    /// A value of any type that reads itself and may be absent.
    pub fn optional_parsed<T: FromStr>(&mut self, name: &str) -> Option<T>
    where
        T::Err: Display,
    {
        let text = self.lookup(name)?;
        text.parse()
            .map_err(|error: T::Err| self.problem(name, error.to_string()))
            .ok()
    }

    /// A path that may be absent. `<NAME>_FILE` is not looked at: the value is a path already.
    pub fn path(&mut self, name: &str) -> Option<PathBuf> {
        self.variables
            .get(name)
            .and_then(|text| super::clean(text))
            .map(PathBuf::from)
    }

    fn parse_url(&mut self, name: &str, text: &str) -> Option<Url> {
        // Without the parser's message: it may repeat credentials of the URL.
        Url::parse(text)
            .map_err(|_| self.problem(name, "must be a URL"))
            .ok()
    }
}

/// Stands for a URL that was refused; never leaves [`Env::done`].
#[expect(clippy::expect_used, reason = "a constant that a test parses")]
fn stand_in() -> Url {
    Url::parse("http://unset.invalid").expect("a valid constant")
}

#[cfg(test)]
mod tests {
    use crate::env::{Env, EnvErrors, FromEnv};
    use secrecy::{ExposeSecret, SecretString};
    use std::time::Duration;
    use url::Url;

    struct Config {
        url: Url,
        secret: SecretString,
        workers: usize,
        on: bool,
        list: Vec<String>,
        wait: Duration,
    }

    impl FromEnv for Config {
        fn from_env(env: &mut Env) -> Result<Self, EnvErrors> {
            let config = Self {
                url: env.url("A_URL"),
                secret: env.secret("A_SECRET"),
                workers: env.int_min("WORKERS", 10, 1),
                on: env.flag("ON", false),
                list: env.csv("LIST"),
                wait: env.seconds("WAIT", 30, 5),
            };
            env.done(config)
        }
    }

    #[test]
    fn reads_trimmed_and_unquoted() {
        let env = Env::from_map([
            ("A_URL", " \"https://crm.example/api\" "),
            ("A_SECRET", "'s3cret'\n"),
            ("ON", "YES"),
            ("LIST", "a, b,,a ,c"),
            ("WORKERS", " "),
        ]);
        let config: Config = env.read().unwrap();
        assert_eq!(config.url.as_str(), "https://crm.example/api");
        assert_eq!(config.secret.expose_secret(), "s3cret");
        assert_eq!((config.workers, config.on), (10, true));
        assert_eq!(config.list, ["a", "b", "c"]);
        assert_eq!(config.wait, Duration::from_secs(30));
    }

    #[test]
    fn reports_every_problem_at_once_and_no_value() {
        let env = Env::from_map([
            ("A_URL", "hunter2"),
            ("WORKERS", "0"),
            ("ON", "maybe"),
            ("WAIT", "5s"),
            ("A_SECRET_FILE", "/nowhere/at/all"),
        ]);
        let errors = env.read::<Config>().err().unwrap();
        let names: Vec<_> = errors.problems().iter().map(|p| p.name.as_str()).collect();
        assert_eq!(
            names,
            [
                "A_URL",
                "A_SECRET_FILE",
                "A_SECRET",
                "WORKERS",
                "ON",
                "WAIT"
            ]
        );
        assert!(!errors.to_string().contains("hunter2"));
    }

    #[test]
    fn a_mounted_secret_is_read_from_its_file_and_excludes_the_plain_one() {
        let dir = std::env::temp_dir().join(format!("vigie-env-{}", std::process::id()));
        std::fs::write(&dir, " from-file \n").unwrap();
        let path = dir.to_str().unwrap().to_owned();
        let mut env = Env::from_map([("S_FILE", path.clone())]);
        assert_eq!(env.secret("S").expose_secret(), "from-file");
        let mut both = Env::from_map([("S_FILE", path), ("S", "x".to_owned())]);
        both.secret("S");
        let errors = both.done(()).unwrap_err();
        std::fs::remove_file(dir).unwrap();
        assert_eq!(errors.problems()[0].name, "S, S_FILE");
    }
}
