//! A private NATS server with JetStream.

use crate::{Process, ProcessSpec, env, leash, tools, wait};
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::sync::OnceCell;

/// Names a server to share instead of starting one.
pub const TEST_NATS_URL: &str = "VIGIE_TEST_NATS_URL";

/// Where and how a server runs.
#[derive(Debug, Clone)]
pub struct NatsOptions {
    /// The directory of its store and configuration.
    pub dir: PathBuf,
    /// Its port on the loopback.
    pub port: u16,
    /// Where it logs to.
    pub log: PathBuf,
    /// `always`: a publish is acknowledged once it is on disk; else how often it syncs.
    pub sync_interval: String,
}

impl NatsOptions {
    /// The address for clients.
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// Writes the configuration. The command only has to be spawned, as often as needed.
    pub fn prepare(&self) -> Result<ProcessSpec> {
        std::fs::create_dir_all(&self.dir)?;
        let config = self.dir.join("nats.conf");
        let text = format!(
            "listen: \"127.0.0.1:{}\"\nserver_name: vigie\njetstream {{\n  store_dir: \"{}\"\n  \
             max_file_store: 16G\n  sync_interval: \"{}\"\n}}\n",
            self.port,
            self.store().display(),
            self.sync_interval,
        );
        std::fs::write(&config, text)?;
        let mut spec = ProcessSpec::new("nats", tools::nats_server()?, self.log.clone());
        spec.args = vec!["--config".into(), config.into()];
        Ok(spec)
    }

    fn store(&self) -> PathBuf {
        self.dir.join("store")
    }
}

/// A running server.
#[derive(Debug)]
pub struct Nats {
    url: String,
    own: Option<Own>,
}

#[derive(Debug)]
struct Own {
    options: NatsOptions,
    process: Option<Process>,
}

impl Nats {
    /// The server of this test process, started on first use. Tests that share it keep apart by
    /// [`Nats::unique_prefix`].
    pub async fn shared() -> Result<&'static Self> {
        static SHARED: OnceCell<Nats> = OnceCell::const_new();
        SHARED
            .get_or_try_init(|| async {
                match env::var(TEST_NATS_URL) {
                    Some(url) => Ok(Self { url, own: None }),
                    None => Self::start().await,
                }
            })
            .await
    }

    /// A server of its own, for tests that hurt it. Its store goes away with this process.
    pub async fn start() -> Result<Self> {
        let dir =
            std::env::temp_dir().join(format!("vigie-nats-{}", uuid::Uuid::new_v4().simple()));
        leash::trash(&dir)?;
        Self::start_with(NatsOptions {
            log: dir.join("nats.log"),
            dir,
            port: crate::ports::any()?,
            sync_interval: "2m".to_owned(),
        })
        .await
    }

    /// A server as described.
    pub async fn start_with(options: NatsOptions) -> Result<Self> {
        let mut nats = Self {
            url: options.url(),
            own: Some(Own {
                options,
                process: None,
            }),
        };
        nats.restart().await?;
        Ok(nats)
    }

    /// The address for clients.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// A prefix for stream names and subjects that no other test has.
    pub fn unique_prefix() -> String {
        let id = uuid::Uuid::new_v4().simple().to_string();
        format!("t{}", &id[..12])
    }

    /// Stops it in an orderly way; what it has stored stays.
    pub async fn stop(&mut self) -> Result<()> {
        match self.own()?.process.take() {
            Some(mut process) => process.stop(Duration::from_secs(10)).await,
            None => Ok(()),
        }
    }

    /// Kills it; what it has stored stays.
    pub async fn kill(&mut self) -> Result<()> {
        match self.own()?.process.take() {
            Some(mut process) => process.kill().await,
            None => Ok(()),
        }
    }

    /// Starts it again on the same port and store, after [`Nats::stop`] or [`Nats::kill`].
    pub async fn restart(&mut self) -> Result<()> {
        let own = self.own()?;
        if own.process.is_none() {
            own.process = Some(own.options.prepare()?.spawn()?);
        }
        let log = own.options.log.clone();
        wait_until_ready(&self.url)
            .await
            .with_context(|| format!("see {}", log.display()))
    }

    /// Loses everything it has stored: killed, its store deleted, started on the same port.
    pub async fn wipe(&mut self) -> Result<()> {
        self.kill().await?;
        let store = self.own()?.options.store();
        remove(&store)?;
        self.restart().await
    }

    fn own(&mut self) -> Result<&mut Own> {
        match &mut self.own {
            Some(own) => Ok(own),
            None => bail!(
                "{} is shared: start a server of your own to hurt it",
                self.url
            ),
        }
    }
}

/// Waits until the server at `url` greets a client.
pub async fn wait_until_ready(url: &str) -> Result<()> {
    let address = url.trim_start_matches("nats://");
    wait::until("NATS", Duration::from_secs(20), || async {
        let mut greeting = [0; 4];
        TcpStream::connect(address)
            .await?
            .read_exact(&mut greeting)
            .await?;
        Ok((&greeting == b"INFO").then_some(()))
    })
    .await
}

fn remove(dir: &Path) -> Result<()> {
    match std::fs::remove_dir_all(dir) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}
