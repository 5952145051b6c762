//! Making a data directory and the command that serves it.

use crate::{ProcessSpec, leash, tools};
use anyhow::{Context, Result, bail};
use nix::sys::signal::Signal;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use tokio::process::Command;

/// Where and how a server runs.
#[derive(Debug, Clone)]
pub struct PostgresOptions {
    /// Its data directory.
    pub data: PathBuf,
    /// Its port on the loopback.
    pub port: u16,
    /// Where it logs to.
    pub log: PathBuf,
    /// Whether a commit waits for the disk.
    pub durable: bool,
    /// Further settings.
    pub settings: Vec<(String, String)>,
}

impl PostgresOptions {
    /// The superuser's address, without a database.
    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}", self.port)
    }
}

/// Makes the data directory if needed. The command only has to be spawned, as often as needed.
pub async fn prepare(options: &PostgresOptions) -> Result<ProcessSpec> {
    let user = server_user()?;
    let data = place(&options.data, user)?;
    if !data.join("PG_VERSION").is_file() {
        init(&data, user).await?;
    }
    let mut spec = ProcessSpec::new(
        "postgres",
        tools::postgres("postgres")?,
        options.log.clone(),
    );
    spec.user = user;
    // Fast shutdown: sessions are ended, then a checkpoint.
    spec.stop_signal = Signal::SIGINT;
    spec.args = vec!["-D".into(), data.into()];
    for (name, value) in settings(options) {
        spec.args.push("-c".into());
        spec.args.push(format!("{name}={value}").into());
    }
    Ok(spec)
}

fn settings(options: &PostgresOptions) -> Vec<(String, String)> {
    let mut settings = vec![
        ("listen_addresses", "127.0.0.1".to_owned()),
        ("port", options.port.to_string()),
        // Loopback only: socket paths are limited to 107 bytes, a checkout's path is not.
        ("unix_socket_directories", String::new()),
        ("max_connections", "400".to_owned()),
        ("log_min_messages", "fatal".to_owned()),
    ];
    if !options.durable {
        for name in ["fsync", "synchronous_commit", "full_page_writes"] {
            settings.push((name, "off".to_owned()));
        }
    }
    let own = settings
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value));
    own.chain(options.settings.iter().cloned()).collect()
}

async fn init(data: &Path, user: Option<(u32, u32)>) -> Result<()> {
    let mut command = Command::new(tools::postgres("initdb")?);
    command
        .args([
            "-U",
            "postgres",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--locale=C.UTF-8",
        ])
        .args(["--no-sync", "--no-instructions", "-D"])
        .arg(data)
        .current_dir("/")
        .stdin(Stdio::null());
    if let Some((uid, gid)) = user {
        command.uid(uid).gid(gid);
    }
    let output = command.output().await.context("running initdb")?;
    if !output.status.success() {
        bail!("initdb: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}

/// The data directory, made and owned by the server's user. Root's checkout may lie where that
/// user cannot go: the data then lies in `/var/tmp`, behind a link.
fn place(wanted: &Path, user: Option<(u32, u32)>) -> Result<PathBuf> {
    if let Ok(target) = std::fs::read_link(wanted)
        && target.is_dir()
    {
        return Ok(target);
    }
    if wanted.is_dir() {
        return Ok(wanted.to_path_buf());
    }
    let parent = wanted.parent().context("a data directory needs a parent")?;
    std::fs::create_dir_all(parent)?;
    let parent = parent.canonicalize()?;
    let Some((uid, gid)) = user else {
        make(wanted)?;
        return Ok(wanted.to_path_buf());
    };
    let data = if open_to_all(&parent) {
        wanted.to_path_buf()
    } else {
        let outside = format!("/var/tmp/vigie-pg-{}", uuid::Uuid::new_v4().simple());
        let outside = PathBuf::from(outside);
        if wanted.is_symlink() {
            std::fs::remove_file(wanted)?;
        }
        std::os::unix::fs::symlink(&outside, wanted)?;
        if parent.starts_with(std::env::temp_dir()) {
            leash::trash(&outside)?;
        }
        outside
    };
    make(&data)?;
    std::os::unix::fs::chown(&data, Some(uid), Some(gid))?;
    Ok(data)
}

fn make(data: &Path) -> Result<()> {
    std::fs::create_dir(data).with_context(|| format!("making {}", data.display()))?;
    std::fs::set_permissions(data, std::fs::Permissions::from_mode(0o700))?;
    Ok(())
}

fn open_to_all(dir: &Path) -> bool {
    dir.ancestors().all(|dir| {
        dir.metadata()
            .is_ok_and(|meta| meta.permissions().mode() & 1 == 1)
    })
}

/// Postgres refuses to run as root: `postgres`, or `nobody`, then does. `None` when we are not.
fn server_user() -> Result<Option<(u32, u32)>> {
    if std::fs::metadata("/proc/self")?.uid() != 0 {
        return Ok(None);
    }
    let users = std::fs::read_to_string("/etc/passwd").context("reading the users")?;
    let find = |name: &str| {
        users.lines().find_map(|line| {
            let mut fields = line.split(':');
            (fields.next()? == name).then_some(())?;
            let (uid, gid) = (fields.nth(1)?, fields.next()?);
            Some((uid.parse().ok()?, gid.parse().ok()?))
        })
    };
    let user = find("postgres").or_else(|| find("nobody"));
    user.context("Postgres does not run as root, and there is no user `postgres`")
        .map(Some)
}
