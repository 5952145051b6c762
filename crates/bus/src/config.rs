use std::path::PathBuf;

/// How to reach the broker, and who is calling.
#[derive(Debug, Clone)]
pub struct BusConfig {
    /// `nats://host:port`, several separated by commas.
    pub url: String,
    /// Credentials of this service, where the broker asks for them.
    pub creds_file: Option<PathBuf>,
    /// Put before every stream name and subject, so that tests share a broker.
    pub prefix: Option<String>,
    /// Copies of each stream: 1, or 3 in production.
    pub replicas: usize,
    /// The service's name: `ce-source`, and the first part of its consumers' names.
    pub source: &'static str,
}
