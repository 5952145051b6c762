use crate::env::{Env, EnvErrors};
use secrecy::SecretString;
use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;
use url::Url;
use vigie_identity::ServiceName;
use vigie_identity::tokens::Realm;

/// `VIGIE_ENV`: the only mode switch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Everything strict.
    Production,
    /// Loopback URLs, insecure cookies and the default CORS origins are allowed.
    Development,
}

impl FromStr for Mode {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "production" => Ok(Self::Production),
            "development" => Ok(Self::Development),
            _ => Err("must be production or development"),
        }
    }
}

/// `LOG_FORMAT`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For a person at a terminal.
    Text,
}

impl FromStr for LogFormat {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "json" => Ok(Self::Json),
            "text" => Ok(Self::Text),
            _ => Err("must be json or text"),
        }
    }
}

/// `LOG_LEVEL`, `LOG_FORMAT`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogSettings {
    /// A level, or directives as `info,vigie_bus=debug`.
    pub level: String,
    /// How lines look.
    pub format: LogFormat,
}

/// `NATS_*`.
#[derive(Debug, Clone)]
pub struct Nats {
    /// `NATS_URL`.
    pub url: String,
    /// `NATS_CREDS_FILE`.
    pub creds_file: Option<PathBuf>,
    /// `NATS_PREFIX`: stands before stream names and subjects, for tests.
    pub prefix: Option<String>,
    /// `NATS_REPLICAS`: copies of each stream.
    pub replicas: usize,
}

/// `DATABASE_*`.
#[derive(Debug, Clone)]
pub struct Database {
    /// `DATABASE_URL`.
    pub url: SecretString,
    /// `DIRECT_URL`: past a pooler, for migrations and notifications.
    pub direct_url: SecretString,
    /// `DATABASE_MAX_CONNECTIONS` of this replica.
    pub max_connections: u32,
}

/// Where each service is called.
#[derive(Debug, Clone)]
pub struct Peers(HashMap<ServiceName, Url>);

impl Peers {
    /// The addresses in `urls`.
    pub fn new(urls: impl IntoIterator<Item = (ServiceName, Url)>) -> Self {
        Self(urls.into_iter().collect())
    }

    /// The address of a service; the gateway has none.
    pub fn get(&self, service: ServiceName) -> Option<&Url> {
        self.0.get(&service)
    }
}

/// What every service reads from the environment.
#[derive(Debug, Clone)]
pub struct Platform {
    /// `VIGIE_ENV`.
    pub mode: Mode,
    /// `HOSTNAME`, else `pid-<pid>`: names this replica.
    pub instance: String,
    /// `GRPC_ADDR`.
    pub grpc_addr: SocketAddr,
    /// `METRICS_ADDR`: metrics, health and readiness.
    pub metrics_addr: SocketAddr,
    /// The bus.
    pub nats: Nats,
    /// The database; gateway and step-analyzer have none.
    pub database: Option<Database>,
    /// `<SERVICE>_GRPC_URL`.
    pub peers: Peers,
    /// `INTERNAL_CLIENT_SECRET`: this service's secret towards auth; auth needs none.
    pub internal_client_secret: Option<SecretString>,
    /// `JWT_ISSUER`, `JWT_AUDIENCE`.
    pub realm: Realm,
    /// Logging.
    pub log: LogSettings,
    /// `OTEL_EXPORTER_OTLP_ENDPOINT`: where traces go.
    pub otlp_endpoint: Option<Url>,
}

const GRPC_PORT: u16 = 50051;
const METRICS_PORT: u16 = 9090;

impl Platform {
    /// Reads the settings of `service`.
    pub fn from_env(env: &mut Env, service: ServiceName) -> Result<Self, EnvErrors> {
        let any = |port| SocketAddr::from((Ipv4Addr::UNSPECIFIED, port));
        let default_realm = Realm::default();
        let platform = Self {
            mode: env.parsed("VIGIE_ENV", Mode::Production),
            instance: env
                .optional("HOSTNAME")
                .unwrap_or_else(|| format!("pid-{}", std::process::id())),
            grpc_addr: env.parsed("GRPC_ADDR", any(GRPC_PORT)),
            metrics_addr: env.parsed("METRICS_ADDR", any(METRICS_PORT)),
            nats: nats(env),
            database: has_database(service).then(|| database(env)),
            peers: peers(env),
            internal_client_secret: (service != ServiceName::Auth)
                .then(|| env.secret("INTERNAL_CLIENT_SECRET")),
            realm: Realm {
                issuer: env.string("JWT_ISSUER", &default_realm.issuer),
                audience: env.string("JWT_AUDIENCE", &default_realm.audience),
            },
            log: log(env),
            otlp_endpoint: env.optional_url("OTEL_EXPORTER_OTLP_ENDPOINT"),
        };
        env.done(platform)
    }

    /// Whether this is a production installation.
    pub fn is_production(&self) -> bool {
        self.mode == Mode::Production
    }
}

fn has_database(service: ServiceName) -> bool {
    !matches!(service, ServiceName::Gateway | ServiceName::StepAnalyzer)
}

fn nats(env: &mut Env) -> Nats {
    Nats {
        url: env.required("NATS_URL"),
        creds_file: env.path("NATS_CREDS_FILE"),
        prefix: env.optional("NATS_PREFIX"),
        replicas: env.int_min("NATS_REPLICAS", 1, 1),
    }
}

fn database(env: &mut Env) -> Database {
    let url = env.secret("DATABASE_URL");
    Database {
        direct_url: env
            .optional_secret("DIRECT_URL")
            .unwrap_or_else(|| url.clone()),
        url,
        max_connections: env.int_min("DATABASE_MAX_CONNECTIONS", 10, 2),
    }
}

fn peers(env: &mut Env) -> Peers {
    let called = ServiceName::ALL
        .into_iter()
        .filter(|name| *name != ServiceName::Gateway);
    Peers::new(called.map(|name| {
        let variable = format!(
            "{}_GRPC_URL",
            name.as_str().to_ascii_uppercase().replace('-', "_")
        );
        (
            name,
            env.url_or(&variable, &format!("http://{name}:{GRPC_PORT}")),
        )
    }))
}

fn log(env: &mut Env) -> LogSettings {
    let level = env.string("LOG_LEVEL", "info");
    if tracing_subscriber::EnvFilter::try_new(&level).is_err() {
        env.problem("LOG_LEVEL", "must be a level or a list of directives");
    }
    LogSettings {
        level,
        format: env.parsed("LOG_FORMAT", LogFormat::Json),
    }
}

#[cfg(test)]
mod tests {
    use super::{Mode, Platform};
    use crate::env::Env;
    use vigie_identity::ServiceName;

    #[test]
    fn defaults_are_those_of_the_specification() {
        let mut env = Env::from_map([
            ("NATS_URL", "nats://nats:4222"),
            ("DATABASE_URL", "postgres://audit@db/vigie"),
            ("INTERNAL_CLIENT_SECRET", "s"),
        ]);
        let platform = Platform::from_env(&mut env, ServiceName::AuditOrchestrator).unwrap();
        assert_eq!(platform.mode, Mode::Production);
        assert_eq!(platform.grpc_addr.to_string(), "0.0.0.0:50051");
        assert_eq!(platform.metrics_addr.to_string(), "0.0.0.0:9090");
        let peer = platform.peers.get(ServiceName::FicheCache).unwrap();
        assert_eq!(peer.as_str(), "http://fiche-cache:50051/");
        assert!(platform.peers.get(ServiceName::Gateway).is_none());
    }

    #[test]
    fn each_service_needs_what_it_uses() {
        let missing = |service| {
            let errors = Platform::from_env(&mut Env::from_map([("", "")]), service).unwrap_err();
            errors
                .problems()
                .iter()
                .map(|problem| problem.name.clone())
                .collect::<Vec<_>>()
        };
        assert_eq!(missing(ServiceName::Auth), ["NATS_URL", "DATABASE_URL"]);
        assert_eq!(
            missing(ServiceName::StepAnalyzer),
            ["NATS_URL", "INTERNAL_CLIENT_SECRET"]
        );
    }
}
