//! A stack on paper: who listens where and how each process is started.

use super::state::{Admin, ServerState, ServiceState, SimulatorUrls, StackState};
use super::{Replica, Secrets, Service, StackOptions, environment};
use crate::nats::NatsOptions;
use crate::ports::Ports;
use crate::{PostgresOptions, ProcessSpec};
use anyhow::{Result, bail};
use std::collections::BTreeMap;

pub(super) const SIMULATORS: &str = "simulators";
const SIMULATED: [&str; 4] = ["crm", "stt", "llm", "pusher"];

/// Everything that is decided before the first process starts.
#[derive(Debug)]
pub(super) struct Layout {
    pub options: StackOptions,
    pub secrets: Secrets,
    /// By `<process>.<what>`, all chosen.
    ports: BTreeMap<String, u16>,
}

impl Layout {
    pub fn plan(options: StackOptions) -> Result<Self> {
        let secrets = options.home.secrets()?;
        let mut chosen: Ports = options.home.ports();
        let mut ports = BTreeMap::new();
        let mut choose = |name: String, preferred: Option<u16>| -> Result<()> {
            let port = chosen.of(&name, preferred)?;
            ports.insert(name, port);
            Ok(())
        };
        choose("postgres".to_owned(), None)?;
        choose("nats".to_owned(), None)?;
        for name in SIMULATED {
            choose(format!("{SIMULATORS}.{name}"), None)?;
        }
        for replica in replicas(&options) {
            choose(format!("{replica}.grpc"), None)?;
            choose(format!("{replica}.metrics"), None)?;
            if replica.service == Service::Gateway {
                let first = (replica.number == 1)
                    .then_some(options.gateway_port)
                    .flatten();
                choose(format!("{replica}.http"), first)?;
            }
        }
        options.home.save_ports(&chosen)?;
        Ok(Self {
            options,
            secrets,
            ports,
        })
    }

    pub fn replicas(&self) -> Vec<Replica> {
        replicas(&self.options)
    }

    pub fn port_of(&self, replica: Replica, what: &str) -> u16 {
        self.port(&format!("{replica}.{what}"))
    }

    pub fn address(&self, replica: Replica, what: &str) -> String {
        format!("127.0.0.1:{}", self.port_of(replica, what))
    }

    pub fn gateway_url(&self) -> String {
        let gateway = Replica {
            service: Service::Gateway,
            number: 1,
        };
        format!("http://127.0.0.1:{}", self.port_of(gateway, "http"))
    }

    pub fn nats(&self) -> NatsOptions {
        NatsOptions {
            dir: self.options.home.dir().join("nats"),
            port: self.port("nats"),
            log: self.options.home.log("nats"),
            sync_interval: self.options.nats_sync.clone(),
        }
    }

    pub fn nats_url(&self) -> String {
        self.nats().url()
    }

    pub fn postgres(&self) -> PostgresOptions {
        PostgresOptions {
            data: self.options.home.dir().join("postgres"),
            port: self.port("postgres"),
            log: self.options.home.log("postgres"),
            durable: self.options.durable,
            settings: self.options.postgres_settings.clone(),
        }
    }

    pub fn postgres_url(&self) -> String {
        self.postgres().url()
    }

    pub fn simulators(&self) -> SimulatorUrls {
        let url = |name: &str| format!("http://127.0.0.1:{}", self.simulator_port(name));
        SimulatorUrls {
            crm_url: url("crm"),
            stt_url: url("stt"),
            llm_url: url("llm"),
            pusher_url: url("pusher"),
        }
    }

    pub fn simulators_process(&self) -> Result<ProcessSpec> {
        let mut spec = self.process(SIMULATORS, "vigie-simulators")?;
        for name in SIMULATED {
            spec.args.push(format!("--{name}-addr").into());
            spec.args
                .push(format!("127.0.0.1:{}", self.simulator_port(name)).into());
        }
        spec.args
            .extend(self.options.simulator_args.iter().map(Into::into));
        Ok(spec)
    }

    pub fn service_process(&self, replica: Replica) -> Result<ProcessSpec> {
        let mut spec = self.process(&replica.to_string(), &replica.service.binary())?;
        spec.without_env = environment::NOT_INHERITED.map(str::to_owned).to_vec();
        spec.env = environment::of(self, replica);
        // Removing comes after setting: a variable of ours must stay.
        spec.without_env
            .retain(|name| spec.env.iter().all(|(set, _)| set != name));
        Ok(spec)
    }

    /// The state before anything runs.
    pub fn state(&self) -> StackState {
        let (email, password) = environment::admin(self);
        let log = |name: &str| self.options.home.log(name).display().to_string();
        let mut servers = vec!["postgres", "nats"];
        if self.options.simulators {
            servers.push(SIMULATORS);
        }
        let service = |replica: Replica| ServiceState {
            name: replica.service.name().to_owned(),
            replica: replica.number,
            pid: 0,
            grpc_addr: self.address(replica, "grpc"),
            metrics_url: format!("http://{}/metrics", self.address(replica, "metrics")),
            log: log(&replica.to_string()),
        };
        StackState {
            gateway_url: self.gateway_url(),
            nats_url: self.nats_url(),
            postgres_url: format!("{}/vigie", self.postgres_url()),
            admin: Admin { email, password },
            simulators: if self.options.simulators {
                self.simulators()
            } else {
                SimulatorUrls::default()
            },
            supervisor: std::process::id(),
            services: self.replicas().into_iter().map(service).collect(),
            servers: servers
                .into_iter()
                .map(|name| ServerState {
                    name: name.to_owned(),
                    pid: 0,
                    log: log(name),
                })
                .collect(),
        }
    }

    fn process(&self, name: &str, binary: &str) -> Result<ProcessSpec> {
        let program = self.options.binaries.join(binary);
        if !program.is_file() {
            bail!("{} is not built: run `make build`", program.display());
        }
        Ok(ProcessSpec::new(name, program, self.options.home.log(name)))
    }

    fn simulator_port(&self, name: &str) -> u16 {
        self.port(&format!("{SIMULATORS}.{name}"))
    }

    fn port(&self, name: &str) -> u16 {
        // Every name was chosen in `plan`; port 0 would be refused by the process itself.
        self.ports.get(name).copied().unwrap_or_default()
    }
}

fn replicas(options: &StackOptions) -> Vec<Replica> {
    let numbers = |service| (1..=options.replicas_of(service)).map(move |number| (service, number));
    let all = Service::ALL.into_iter().flat_map(numbers);
    all.map(|(service, number)| Replica { service, number })
        .collect()
}
