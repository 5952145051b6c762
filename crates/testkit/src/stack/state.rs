//! `stack.json`: what is running, for people, tools and `vigie` itself.

use super::Home;
use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use std::sync::{Mutex, PoisonError};

/// The content of `stack.json`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StackState {
    /// Where the public API is.
    pub gateway_url: String,
    /// Where the broker is.
    pub nats_url: String,
    /// Where the database is, as its superuser.
    pub postgres_url: String,
    /// The seeded administrator.
    pub admin: Admin,
    /// Where the simulators are; empty without them.
    pub simulators: SimulatorUrls,
    /// The process that supervises all this.
    pub supervisor: u32,
    /// The processes of the services.
    pub services: Vec<ServiceState>,
    /// Postgres, NATS and the simulators.
    pub servers: Vec<ServerState>,
}

/// A user who may do everything.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Admin {
    /// Login name.
    pub email: String,
    /// Password, of this development stack only.
    pub password: String,
}

/// Addresses of the stand-ins for the outside world.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct SimulatorUrls {
    /// The CRM gateway.
    pub crm_url: String,
    /// ElevenLabs.
    pub stt_url: String,
    /// The language model.
    pub llm_url: String,
    /// Pusher.
    pub pusher_url: String,
}

/// One process of a service.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ServiceState {
    /// The service.
    pub name: String,
    /// Which of its processes, from 1.
    pub replica: usize,
    /// Its process id; 0 while it is being started again.
    pub pid: u32,
    /// Its gRPC address.
    pub grpc_addr: String,
    /// Its metrics; `/health` and `/ready` are beside them.
    pub metrics_url: String,
    /// Its log file.
    pub log: String,
}

/// A process that is not a service.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ServerState {
    /// `postgres`, `nats` or `simulators`.
    pub name: String,
    /// Its process id; 0 while it is being started again.
    pub pid: u32,
    /// Its log file.
    pub log: String,
}

impl StackState {
    /// What `stack.json` of a home says, `None` without one.
    pub fn read(home: &Home) -> Result<Option<Self>> {
        match std::fs::read(home.state_path()) {
            Ok(text) => Ok(Some(
                serde_json::from_slice(&text).context("in stack.json")?,
            )),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

/// The state as it changes. Written to `stack.json` from when it is published.
#[derive(Debug)]
pub(super) struct Board {
    home: Home,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    state: StackState,
    published: bool,
}

impl Board {
    pub fn new(home: Home, state: StackState) -> Self {
        Self {
            home,
            inner: Mutex::new(Inner {
                state,
                published: false,
            }),
        }
    }

    pub fn state(&self) -> StackState {
        self.lock().state.clone()
    }

    pub fn publish(&self) -> Result<()> {
        let mut inner = self.lock();
        inner.published = true;
        self.write(&inner.state)
    }

    /// `log` is the one thing that is unique to a process and does not change.
    pub fn set_pid(&self, log: &str, pid: u32) -> Result<()> {
        let mut inner = self.lock();
        let Inner { state, published } = &mut *inner;
        for service in state
            .services
            .iter_mut()
            .filter(|service| service.log == log)
        {
            service.pid = pid;
        }
        for server in state.servers.iter_mut().filter(|server| server.log == log) {
            server.pid = pid;
        }
        if *published {
            self.write(state)
        } else {
            Ok(())
        }
    }

    pub fn withdraw(&self) -> Result<()> {
        self.lock().published = false;
        match std::fs::remove_file(self.home.state_path()) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }

    fn write(&self, state: &StackState) -> Result<()> {
        self.home
            .write("stack.json", &serde_json::to_vec_pretty(state)?)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
