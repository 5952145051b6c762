//! The directory of a stack (`.vigie`): data, logs, secrets, state.

use super::secrets::Secrets;
use crate::ports::Ports;
use crate::{env, tools};
use anyhow::{Context, Result};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Where a stack keeps everything.
#[derive(Debug, Clone)]
pub struct Home(PathBuf);

/// Held by the supervisor of a home for as long as it lives.
#[derive(Debug)]
pub struct HomeLock {
    _file: File,
}

impl Home {
    /// `VIGIE_HOME`, else `.vigie` in the workspace.
    pub fn from_env() -> Result<Self> {
        match env::var("VIGIE_HOME") {
            Some(dir) => Self::at(Path::new(&dir)),
            None => Self::at(&tools::workspace_root().join(".vigie")),
        }
    }

    /// A home in this directory, made when missing.
    pub fn at(dir: &Path) -> Result<Self> {
        std::fs::create_dir_all(dir.join("logs"))
            .with_context(|| format!("making {}", dir.display()))?;
        Ok(Self(dir.canonicalize()?))
    }

    /// The directory.
    pub fn dir(&self) -> &Path {
        &self.0
    }

    /// The log of a process.
    pub fn log(&self, name: &str) -> PathBuf {
        self.0.join("logs").join(format!("{name}.log"))
    }

    /// Where `stack.json` lies.
    pub fn state_path(&self) -> PathBuf {
        self.0.join("stack.json")
    }

    /// The lock of its supervisor, `None` while another process has it.
    pub fn try_lock(&self) -> Result<Option<HomeLock>> {
        let file = self.lock_file()?;
        match file.try_lock() {
            Ok(()) => Ok(Some(HomeLock { _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error.into()),
        }
    }

    /// Waits until the supervisor of this home has ended.
    pub async fn unlocked(&self) -> Result<()> {
        let file = self.lock_file()?;
        Ok(tokio::task::spawn_blocking(move || file.lock()).await??)
    }

    fn lock_file(&self) -> Result<File> {
        let path = self.0.join("lock");
        Ok(OpenOptions::new().create(true).append(true).open(path)?)
    }

    /// The secrets of this home, made on first use.
    pub fn secrets(&self) -> Result<Secrets> {
        let path = self.0.join("secrets.json");
        if let Ok(text) = std::fs::read_to_string(&path) {
            return serde_json::from_str(&text).with_context(|| format!("in {}", path.display()));
        }
        let secrets = Secrets::generate();
        self.write("secrets.json", &serde_json::to_vec_pretty(&secrets)?)?;
        Ok(secrets)
    }

    /// The ports used last time, those that are still free.
    pub fn ports(&self) -> Ports {
        let text = std::fs::read_to_string(self.0.join("ports.json")).unwrap_or_default();
        let mut ports: Ports = serde_json::from_str(&text).unwrap_or_default();
        ports.keep_free();
        ports
    }

    /// Remembers the ports.
    pub fn save_ports(&self, ports: &Ports) -> Result<()> {
        self.write("ports.json", &serde_json::to_vec_pretty(ports)?)
    }

    /// Replaces a file at once, readable by its owner only.
    pub fn write(&self, name: &str, content: &[u8]) -> Result<()> {
        let fresh = self.0.join(format!(".{name}.new"));
        let mut options = OpenOptions::new();
        let mut file = options
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&fresh)?;
        file.write_all(content)?;
        file.write_all(b"\n")?;
        Ok(std::fs::rename(&fresh, self.0.join(name))?)
    }
}
