//! Where the programs are that this crate starts.

use crate::env;
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use tokio::process::Command;
use tokio::sync::OnceCell;

/// Names the directory of the service binaries; set by `make test`, which has just built them. A
/// relative one is taken from the directory we run in, else from the workspace: tests run in theirs.
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
        return binaries_at(Path::new(&dir));
    }
    let dir = beside_this_executable()?;
    BUILT
        .get_or_try_init(|| build(dir.ends_with("release")))
        .await?;
    Ok(dir)
}

/// Absolute: a service may be started in another directory.
fn binaries_at(dir: &Path) -> Result<PathBuf> {
    dir.canonicalize()
        .or_else(|_| workspace_root().join(dir).canonicalize())
        .with_context(|| format!("{BIN_DIR} is {}", dir.display()))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn binaries_may_be_named_from_the_workspace() {
        // Cargo runs this in the crate's own directory.
        let here = binaries_at(Path::new("src")).unwrap();
        assert_eq!(here, workspace_root().join("crates/testkit/src"));
        let root = binaries_at(Path::new("crates/testkit")).unwrap();
        assert_eq!(root, workspace_root().join("crates/testkit"));
        assert_eq!(binaries_at(&root).unwrap(), root);
        assert!(binaries_at(Path::new("nowhere")).is_err());
    }
}
