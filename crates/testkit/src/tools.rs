//! Where the programs are that this crate starts.

use crate::env;
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use tokio::process::Command;
use tokio::sync::OnceCell;

/// Names the directory of the service binaries; set by `make test`, which has just built them.
pub const BIN_DIR: &str = "VIGIE_BIN_DIR";

/// The workspace this was built in.
pub fn workspace_root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_path_buf()
}

/// The pinned server of `make setup`, else the one on the path.
pub fn nats_server() -> Result<PathBuf> {
    let mut places = vec![workspace_root().join(".vigie/tools/nats-server")];
    if let Some(home) = env::var("VIGIE_HOME") {
        places.push(Path::new(&home).join("tools/nats-server"));
    }
    places.extend(search_path());
    find("nats-server", &places).context("no NATS server: run `make setup`")
}

/// A program of the Postgres server: on the path, else Debian's newest.
pub fn postgres(program: &str) -> Result<PathBuf> {
    let mut places = search_path();
    let mut versions: Vec<(u32, PathBuf)> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let version = entry.file_name().to_str()?.parse().ok()?;
            Some((version, entry.path().join("bin")))
        })
        .collect();
    versions.sort();
    places.extend(versions.into_iter().rev().map(|(_, bin)| bin));
    find(program, &places).context("no Postgres server: run `make setup`")
}

/// The directory of the service binaries, built first unless [`BIN_DIR`] says that they are.
pub async fn built_binaries() -> Result<PathBuf> {
    static BUILT: OnceCell<()> = OnceCell::const_new();
    if let Some(dir) = env::var(BIN_DIR) {
        return Ok(PathBuf::from(dir));
    }
    let dir = beside_this_executable()?;
    BUILT
        .get_or_try_init(|| build(dir.ends_with("release")))
        .await?;
    Ok(dir)
}

/// The directory of this executable, or the one above for a test of Cargo's.
pub fn beside_this_executable() -> Result<PathBuf> {
    let exe = std::env::current_exe().context("finding this executable")?;
    let dir = exe.parent().context("this executable has no directory")?;
    let dir = if dir.ends_with("deps") {
        dir.parent().unwrap_or(dir)
    } else {
        dir
    };
    Ok(dir.to_path_buf())
}

async fn build(release: bool) -> Result<()> {
    let mut cargo = Command::new(env::var("CARGO").unwrap_or_else(|| "cargo".to_owned()));
    cargo.args(["build", "--workspace", "--bins", "--quiet"]);
    if release {
        cargo.arg("--release");
    }
    let status = cargo
        .current_dir(workspace_root())
        .status()
        .await
        .context("running cargo")?;
    if !status.success() {
        bail!("the services do not build");
    }
    Ok(())
}

fn search_path() -> Vec<PathBuf> {
    env::var("PATH")
        .map(|path| std::env::split_paths(&path).collect())
        .unwrap_or_default()
}

fn find(program: &str, places: &[PathBuf]) -> Result<PathBuf> {
    let found = places
        .iter()
        .map(|place| place.join(program))
        .find(|path| path.is_file());
    found.with_context(|| format!("{program} not found"))
}
