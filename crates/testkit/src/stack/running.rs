//! A stack that runs.

use super::keeper::Keeper;
use super::layout::{Layout, SIMULATORS};
use super::state::Board;
use super::{Home, HomeLock, Replica, Service, StackOptions, StackState};
use crate::api::{ApiClient, http_client};
use crate::{leash, nats, postgres, tools, wait};
use anyhow::{Context, Result, bail};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

const READY_LIMIT: Duration = Duration::from_mins(1);
const LOG_TAIL_LINES: usize = 15;

/// A running stack. Dropped without [`Stack::down`], its processes are killed.
#[derive(Debug)]
pub struct Stack {
    layout: Layout,
    board: Arc<Board>,
    keepers: BTreeMap<String, Keeper>,
    tasks: JoinSet<()>,
    _lock: HomeLock,
}

impl Stack {
    /// Options of a stack for one test: in a directory of its own that goes away with this
    /// process, on a database that need not survive, with binaries that are built when needed.
    pub async fn for_test() -> Result<StackOptions> {
        let id = uuid::Uuid::new_v4().simple();
        let dir = std::env::temp_dir().join(format!("vigie-stack-{id}"));
        leash::trash(&dir)?;
        let mut options = StackOptions::new(Home::at(&dir)?, tools::built_binaries().await?);
        options.durable = false;
        "2m".clone_into(&mut options.nats_sync);
        options.gateway_port = None;
        // A test asks for more than a person does.
        Ok(options.with_env("AUDIT_RUNS_PER_MINUTE", "0"))
    }

    /// Starts everything and waits until every service is ready.
    pub async fn start(options: StackOptions) -> Result<Self> {
        let Some(lock) = options.home.try_lock()? else {
            bail!("a stack runs in {} already", options.home.dir().display());
        };
        let layout = Layout::plan(options)?;
        let board = Arc::new(Board::new(layout.options.home.clone(), layout.state()));
        let mut stack = Self {
            layout,
            board,
            keepers: BTreeMap::new(),
            tasks: JoinSet::new(),
            _lock: lock,
        };
        stack.start_servers().await?;
        stack.start_services().await?;
        stack.board.publish()?;
        Ok(stack)
    }

    async fn start_servers(&mut self) -> Result<()> {
        let database = self.layout.postgres();
        let database_process = postgres::prepare(&database).await?;
        self.keep(database_process);
        self.keep(self.layout.nats().prepare()?);
        if self.layout.options.simulators {
            self.keep(self.layout.simulators_process()?);
        }
        let (postgres_url, nats_url) = (database.url(), self.layout.nats_url());
        tokio::try_join!(
            postgres::provision(&postgres_url, "vigie", &crate::Schema::SERVICES),
            nats::wait_until_ready(&nats_url),
        )
        .with_context(|| {
            format!(
                "see {}",
                self.layout.options.home.dir().join("logs").display()
            )
        })?;
        Ok(())
    }

    async fn start_services(&mut self) -> Result<()> {
        let (auth, others): (Vec<_>, Vec<_>) = self
            .layout
            .replicas()
            .into_iter()
            .partition(|one| one.service == Service::Auth);
        for group in [auth, others] {
            for replica in &group {
                self.keep(self.layout.service_process(*replica)?);
            }
            for replica in group {
                self.ready(replica).await?;
            }
        }
        Ok(())
    }

    fn keep(&mut self, spec: crate::ProcessSpec) {
        let name = spec.name.clone();
        self.keepers.insert(
            name,
            Keeper::start(spec, Arc::clone(&self.board), &mut self.tasks),
        );
    }

    /// Waits until a process answers that it is ready.
    pub async fn ready(&self, replica: Replica) -> Result<()> {
        let url = format!("http://{}/ready", self.layout.address(replica, "metrics"));
        let http = http_client()?;
        let what = format!("{replica} at {url}");
        let ready = wait::until(&what, READY_LIMIT, || async {
            let answer = http
                .get(&url)
                .timeout(Duration::from_secs(5))
                .send()
                .await?;
            let status = answer.status();
            if status.is_success() {
                return Ok(Some(()));
            }
            bail!(
                "it answers {status}: {}",
                answer.text().await.unwrap_or_default().trim()
            );
        });
        ready
            .await
            .with_context(|| self.log_tail(&replica.to_string()))
    }

    /// What is running, as in `stack.json`.
    pub fn state(&self) -> StackState {
        self.board.state()
    }

    /// A client of the public API, logged in as the administrator.
    pub async fn api(&self) -> Result<ApiClient> {
        let state = self.state();
        let api = ApiClient::new(&state.gateway_url)?;
        api.login(&state.admin.email, &state.admin.password).await?;
        Ok(api)
    }

    /// The address of a service's database as its role.
    pub fn database_url(&self, schema: crate::Schema) -> String {
        postgres::as_role(&self.layout.postgres_url(), schema.role(), "vigie")
    }

    /// Kills one process of a service (`SIGKILL`). The supervisor starts it again.
    pub async fn kill(&self, service: Service, number: usize) -> Result<()> {
        self.keeper(&Replica { service, number }.to_string())?
            .kill()
            .await
    }

    /// Stops every process of a service; they stay down.
    pub async fn stop(&self, service: Service) -> Result<()> {
        for replica in self.of(service) {
            self.keeper(&replica.to_string())?.stop().await?;
        }
        Ok(())
    }

    /// Starts a stopped service and waits until it is ready.
    pub async fn resume(&self, service: Service) -> Result<()> {
        for replica in self.of(service) {
            self.keeper(&replica.to_string())?.resume().await?;
        }
        for replica in self.of(service) {
            self.ready(replica).await?;
        }
        Ok(())
    }

    /// Stops a service in an orderly way and starts it again.
    pub async fn restart(&self, service: Service) -> Result<()> {
        self.stop(service).await?;
        self.resume(service).await
    }

    /// The broker loses its disk: killed, its store deleted, started on the same port.
    pub async fn wipe_nats(&self) -> Result<()> {
        let keeper = self.keeper("nats")?;
        keeper.stop().await?;
        std::fs::remove_dir_all(self.layout.nats().dir.join("store"))?;
        keeper.resume().await?;
        nats::wait_until_ready(&self.layout.nats_url()).await
    }

    /// Stops the broker; it stays down.
    pub async fn stop_nats(&self) -> Result<()> {
        self.keeper("nats")?.stop().await
    }

    /// Starts the broker again with what it had stored.
    pub async fn resume_nats(&self) -> Result<()> {
        self.keeper("nats")?.resume().await?;
        nats::wait_until_ready(&self.layout.nats_url()).await
    }

    /// Stops everything in the reverse order of its start.
    pub async fn down(mut self) -> Result<()> {
        self.board.withdraw()?;
        let (first, rest): (Vec<_>, Vec<_>) = self
            .layout
            .replicas()
            .into_iter()
            .partition(|one| one.service == Service::Gateway);
        self.stop_all(first.iter().map(Replica::to_string)).await?;
        self.stop_all(rest.iter().map(Replica::to_string)).await?;
        self.stop_all([SIMULATORS, "nats", "postgres"].map(str::to_owned))
            .await?;
        self.keepers.clear();
        while self.tasks.join_next().await.is_some() {}
        Ok(())
    }

    async fn stop_all(&self, names: impl IntoIterator<Item = String>) -> Result<()> {
        let keepers = names.into_iter().filter_map(|name| self.keepers.get(&name));
        futures::future::try_join_all(keepers.map(Keeper::stop))
            .await
            .map(drop)
    }

    fn of(&self, service: Service) -> Vec<Replica> {
        let all = self.layout.replicas().into_iter();
        all.filter(|replica| replica.service == service).collect()
    }

    fn keeper(&self, name: &str) -> Result<&Keeper> {
        self.keepers
            .get(name)
            .with_context(|| format!("no process `{name}` in this stack"))
    }

    fn log_tail(&self, name: &str) -> String {
        let path = self.layout.options.home.log(name);
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        let tail = lines[lines.len().saturating_sub(LOG_TAIL_LINES)..].join("\n");
        format!("the end of {}:\n{tail}", path.display())
    }
}
