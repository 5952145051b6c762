//! One child process: how it is started, stopped and kept from outliving us.

use crate::leash;
use anyhow::{Context, Result};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::ffi::OsString;
use std::fs::OpenOptions;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::process::{Child, Command};

/// How a process is started, again and again.
#[derive(Debug, Clone)]
pub struct ProcessSpec {
    /// What it is called in messages.
    pub name: String,
    /// The executable.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<OsString>,
    /// Variables added to, or in place of, our own.
    pub env: Vec<(String, String)>,
    /// Variables of ours that it must not see.
    pub without_env: Vec<String>,
    /// User and group to run as, when not ours.
    pub user: Option<(u32, u32)>,
    /// Where its output is appended.
    pub log: PathBuf,
    /// What ends it in an orderly way.
    pub stop_signal: Signal,
}

impl ProcessSpec {
    /// A program without arguments that ends on `SIGTERM`.
    pub fn new(name: &str, program: PathBuf, log: PathBuf) -> Self {
        Self {
            name: name.to_owned(),
            program,
            args: Vec::new(),
            env: Vec::new(),
            without_env: Vec::new(),
            user: None,
            log,
            stop_signal: Signal::SIGTERM,
        }
    }

    /// Starts it.
    pub fn spawn(&self) -> Result<Process> {
        let log = OpenOptions::new().create(true).append(true).open(&self.log);
        let log = log.with_context(|| format!("opening {}", self.log.display()))?;
        let mut command = Command::new(&self.program);
        command
            .args(&self.args)
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            // Its own group: a Ctrl-C is for the supervisor, which stops children in order.
            .process_group(0)
            .kill_on_drop(true);
        for name in &self.without_env {
            command.env_remove(name);
        }
        if let Some((uid, gid)) = self.user {
            // Ours may be a directory that the other user cannot enter.
            command.uid(uid).gid(gid).current_dir("/");
        }
        let child = command
            .spawn()
            .with_context(|| format!("starting {} ({})", self.name, self.program.display()))?;
        let pid = child.id().context("the process ended at once")?;
        let signal = self.stop_signal.as_str().trim_start_matches("SIG");
        leash::hold(signal, pid)?;
        Ok(Process {
            child,
            pid,
            stop_signal: self.stop_signal,
            leashed: true,
        })
    }
}

/// A running child. Killed when dropped.
#[derive(Debug)]
pub struct Process {
    child: Child,
    pid: u32,
    stop_signal: Signal,
    leashed: bool,
}

impl Process {
    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Waits for its end.
    pub async fn wait(&mut self) -> Result<ExitStatus> {
        let status = self.child.wait().await?;
        self.unleash();
        Ok(status)
    }

    /// Its end, when it has ended.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        let status = self.child.try_wait()?;
        if status.is_some() {
            self.unleash();
        }
        Ok(status)
    }

    /// Asks it to end, and ends it when it has not done so after `grace`.
    pub async fn stop(&mut self, grace: Duration) -> Result<()> {
        self.signal(self.stop_signal)?;
        if let Ok(ended) = tokio::time::timeout(grace, self.wait()).await {
            return ended.map(drop);
        }
        self.kill().await
    }

    /// Ends it without a chance to clean up.
    pub async fn kill(&mut self) -> Result<()> {
        self.signal(Signal::SIGKILL)?;
        self.wait().await.map(drop)
    }

    fn signal(&mut self, signal: Signal) -> Result<()> {
        // Not reaped yet, so the number is still this child's.
        if self.ended()?.is_none() {
            kill(Pid::from_raw(i32::try_from(self.pid)?), signal)?;
        }
        Ok(())
    }

    fn unleash(&mut self) {
        if std::mem::take(&mut self.leashed) {
            let signal = self.stop_signal.as_str().trim_start_matches("SIG");
            if let Err(error) = leash::release(signal, self.pid) {
                tracing::warn!(%error, pid = self.pid, "the leash still holds an ended process");
            }
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // `kill_on_drop` ends it right after this.
        self.unleash();
    }
}
