//! What a stack is to be like.

use super::{Home, Service};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// How a stack is started.
#[derive(Debug, Clone)]
pub struct StackOptions {
    /// Its directory.
    pub home: Home,
    /// The directory of the service binaries.
    pub binaries: PathBuf,
    /// How many processes of a service, when not one.
    pub replicas: BTreeMap<Service, usize>,
    /// Variables for all services, over those of our environment and the defaults.
    pub env: BTreeMap<String, String>,
    /// Variables for one service, over all others.
    pub service_env: BTreeMap<Service, BTreeMap<String, String>>,
    /// Whether the simulators are started.
    pub simulators: bool,
    /// Whether the gateway publishes to the one of Pusher, unless the caller names another account.
    pub pusher: bool,
    /// Further arguments of theirs, such as latencies.
    pub simulator_args: Vec<String>,
    /// The gateway's port when it is free.
    pub gateway_port: Option<u16>,
    /// The broker's `sync_interval`.
    pub nats_sync: String,
    /// Whether Postgres waits for the disk.
    pub durable: bool,
    /// Further settings of Postgres.
    pub postgres_settings: Vec<(String, String)>,
}

impl StackOptions {
    /// One process of each, durable, with simulators.
    pub fn new(home: Home, binaries: PathBuf) -> Self {
        Self {
            home,
            binaries,
            replicas: BTreeMap::new(),
            env: BTreeMap::new(),
            service_env: BTreeMap::new(),
            simulators: true,
            pusher: false,
            simulator_args: Vec::new(),
            gateway_port: Some(3002),
            nats_sync: "always".to_owned(),
            durable: true,
            postgres_settings: Vec::new(),
        }
    }

    /// Sets a variable of all services.
    #[must_use]
    pub fn with_env(mut self, name: &str, value: &str) -> Self {
        self.env.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Sets a variable of one service.
    #[must_use]
    pub fn with_service_env(mut self, service: Service, name: &str, value: &str) -> Self {
        self.service_env
            .entry(service)
            .or_default()
            .insert(name.to_owned(), value.to_owned());
        self
    }

    /// Sets the number of processes of a service.
    #[must_use]
    pub fn with_replicas(mut self, service: Service, count: usize) -> Self {
        self.replicas.insert(service, count);
        self
    }

    pub(super) fn replicas_of(&self, service: Service) -> usize {
        self.replicas.get(&service).copied().unwrap_or(1).max(1)
    }
}
