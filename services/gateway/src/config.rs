//! Settings of the gateway (`events-and-config.md` F1, F2).

mod links;
mod pusher;

pub use links::LinkSettings;
pub use pusher::{PusherAccount, PusherSettings};

use ipnet::IpNet;
use std::time::Duration;
use vigie_service::Mode;
use vigie_service::env::{Env, EnvErrors, FromEnv};

/// `AUTH_COOKIE_SAMESITE`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SameSite {
    /// Sent along when a person follows a link.
    Lax,
    /// Only from our own pages.
    Strict,
    /// From every page; over TLS only.
    None,
}

impl SameSite {
    /// The word of the cookie attribute.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Lax => "Lax",
            Self::Strict => "Strict",
            Self::None => "None",
        }
    }
}

impl std::str::FromStr for SameSite {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.to_ascii_lowercase().as_str() {
            "lax" => Ok(Self::Lax),
            "strict" => Ok(Self::Strict),
            "none" => Ok(Self::None),
            _ => Err("must be lax, strict or none"),
        }
    }
}

/// The refresh cookie (identity.md 1.9).
#[derive(Debug, Clone)]
pub struct CookieSettings {
    /// `AUTH_REFRESH_COOKIE_NAME`.
    pub name: String,
    /// `AUTH_COOKIE_SECURE`; on in production.
    pub secure: bool,
    /// `AUTH_COOKIE_SAMESITE`.
    pub same_site: SameSite,
}

/// Everything that the gateway reads from the environment.
#[derive(Debug, Clone)]
pub struct Config {
    /// `PORT`.
    pub port: u16,
    /// `HTTP_MAX_BODY_BYTES`.
    pub max_body_bytes: usize,
    /// `CORS_ALLOWED_ORIGINS`: exact origins of front-ends.
    pub allowed_origins: Vec<String>,
    /// `TRUSTED_PROXIES`: whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// The refresh cookie.
    pub cookie: CookieSettings,
    /// Pusher.
    pub pusher: PusherSettings,
    /// Links to recordings, where they are configured.
    pub links: Option<LinkSettings>,
    /// Silence on an event stream before a comment is sent.
    pub keep_alive: Duration,
}

const PORT: u16 = 3002;
const MAX_BODY_BYTES: usize = 1024 * 1024;
/// A login must fit.
const LEAST_BODY_BYTES: usize = 4096;
const DEVELOPMENT_ORIGINS: [&str; 4] = [
    "http://localhost:3000",
    "http://localhost:3001",
    "http://localhost:5173",
    "http://localhost:5174",
];
/// `events-and-config.md` E7.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

impl FromEnv for Config {
    fn from_env(env: &mut Env) -> Result<Self, EnvErrors> {
        let mode = env.parsed("VIGIE_ENV", Mode::Production);
        let config = Self {
            port: env.int_min("PORT", PORT, 0),
            max_body_bytes: env.int_min("HTTP_MAX_BODY_BYTES", MAX_BODY_BYTES, LEAST_BODY_BYTES),
            allowed_origins: origins(env, mode),
            trusted_proxies: proxies(env),
            cookie: cookie(env, mode),
            pusher: pusher::read(env, mode),
            links: links::read(env, mode),
            keep_alive: KEEP_ALIVE,
        };
        env.done(config)
    }
}

fn origins(env: &mut Env, mode: Mode) -> Vec<String> {
    let named = env.csv("CORS_ALLOWED_ORIGINS");
    if named.is_empty() && mode == Mode::Development {
        return DEVELOPMENT_ORIGINS.map(str::to_owned).to_vec();
    }
    if named.iter().any(|origin| !is_origin(origin)) {
        let problem = "must list origins as https://host[:port], without a path";
        env.problem("CORS_ALLOWED_ORIGINS", problem);
    }
    named
}

fn is_origin(text: &str) -> bool {
    url::Url::parse(text).is_ok_and(|url| url.origin().ascii_serialization() == text)
}

fn proxies(env: &mut Env) -> Vec<IpNet> {
    let mut nets = Vec::new();
    for entry in env.csv("TRUSTED_PROXIES") {
        let net = entry.parse::<IpNet>();
        match net.or_else(|_| entry.parse::<std::net::IpAddr>().map(IpNet::from)) {
            Ok(net) => nets.push(net),
            Err(_) => env.problem("TRUSTED_PROXIES", "must list CIDRs"),
        }
    }
    nets
}

fn cookie(env: &mut Env, mode: Mode) -> CookieSettings {
    let cookie = CookieSettings {
        name: env.string("AUTH_REFRESH_COOKIE_NAME", "refresh_token"),
        secure: env.flag("AUTH_COOKIE_SECURE", mode == Mode::Production),
        same_site: env.parsed("AUTH_COOKIE_SAMESITE", SameSite::Lax),
    };
    let token = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if !cookie.name.chars().all(token) {
        let problem = "must be made of letters, digits, '-', '_' and '.'";
        env.problem("AUTH_REFRESH_COOKIE_NAME", problem);
    }
    if cookie.name.starts_with("__Host-") {
        let problem = "__Host- needs the path /, and this cookie has /api/auth";
        env.problem("AUTH_REFRESH_COOKIE_NAME", problem);
    }
    if cookie.name.starts_with("__Secure-") && !cookie.secure {
        let problem = "__Secure- needs a secure cookie";
        env.problem("AUTH_REFRESH_COOKIE_NAME, AUTH_COOKIE_SECURE", problem);
    }
    if cookie.same_site == SameSite::None && !cookie.secure {
        let problem = "none needs a secure cookie";
        env.problem("AUTH_COOKIE_SAMESITE, AUTH_COOKIE_SECURE", problem);
    }
    cookie
}

#[cfg(test)]
mod tests {
    use super::{Config, SameSite};
    use vigie_service::env::Env;

    fn read(variables: &[(&str, &str)]) -> Result<Config, Vec<String>> {
        let env = Env::from_map(variables.iter().copied());
        env.read().map_err(|errors| {
            let problems = errors.problems().iter();
            problems.map(|problem| problem.name.clone()).collect()
        })
    }

    #[test]
    fn production_is_strict_and_development_is_handy() {
        let production = read(&[]).unwrap();
        assert!(production.cookie.secure && production.allowed_origins.is_empty());
        assert_eq!(production.cookie.same_site, SameSite::Lax);
        let development = read(&[("VIGIE_ENV", "development")]).unwrap();
        assert!(!development.cookie.secure);
        assert_eq!(development.allowed_origins.len(), 4);
        assert_eq!(
            (development.port, development.max_body_bytes),
            (3002, 1_048_576)
        );
    }

    #[test]
    fn what_cannot_work_is_refused() {
        let refused = read(&[
            ("AUTH_COOKIE_SAMESITE", "none"),
            ("AUTH_COOKIE_SECURE", "0"),
            ("CORS_ALLOWED_ORIGINS", "https://app.example/path"),
            ("TRUSTED_PROXIES", "10.0.0.0/8,nonsense"),
        ]);
        assert_eq!(
            refused.unwrap_err(),
            [
                "CORS_ALLOWED_ORIGINS",
                "TRUSTED_PROXIES",
                "AUTH_COOKIE_SAMESITE, AUTH_COOKIE_SECURE"
            ]
        );
        assert!(read(&[("TRUSTED_PROXIES", "10.0.0.1, fd00::/8")]).is_ok());
        let name = "AUTH_REFRESH_COOKIE_NAME";
        assert!(read(&[(name, "__Secure-refresh")]).is_ok());
        assert!(read(&[(name, "__Secure-refresh"), ("AUTH_COOKIE_SECURE", "0")]).is_err());
        assert!(read(&[(name, "__Host-refresh")]).is_err());
    }
}
