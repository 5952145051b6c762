//! Children that die with us, even when we are killed.
//!
//! One small shell per process reads our notes about children and directories on its standard
//! input. When we are gone, in whichever way, the input ends and it cleans up. The kernel's own
//! means (parent-death signals) follow threads, not processes, and would need unsafe code.

use anyhow::{Context, Result, anyhow};
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};

const SCRIPT: &str = r#"
held=" "
trash=""
while read -r op what; do
  case $op in
    hold) held="$held$what " ;;
    free) held="${held%% $what *} ${held#* $what }" ;;
    trash) trash="$trash$what
" ;;
  esac
done
for one in $held; do kill -s "${one%%:*}" "${one#*:}" 2>/dev/null; done
tries=0
for one in $held; do
  while kill -0 "${one#*:}" 2>/dev/null && [ "$tries" -lt 100 ]; do
    sleep 0.05
    tries=$((tries + 1))
  done
  kill -s KILL "${one#*:}" 2>/dev/null
done
printf '%s' "$trash" | while read -r dir; do rm -rf -- "$dir"; done
"#;

static LEASH: Mutex<Option<Child>> = Mutex::new(None);

/// `pid` gets `signal` when this process ends.
pub fn hold(signal: &str, pid: u32) -> Result<()> {
    note(&format!("hold {signal}:{pid}\n"))
}

/// `pid` is gone: its number may soon be somebody else's.
pub fn release(signal: &str, pid: u32) -> Result<()> {
    note(&format!("free {signal}:{pid}\n"))
}

/// `dir` is removed when this process ends.
pub fn trash(dir: &Path) -> Result<()> {
    note(&format!("trash {}\n", dir.display()))
}

fn note(line: &str) -> Result<()> {
    let mut leash = LEASH.lock().unwrap_or_else(PoisonError::into_inner);
    if leash.is_none() {
        *leash = Some(start()?);
    }
    let stdin = leash.as_mut().and_then(|child| child.stdin.as_mut());
    let stdin = stdin.ok_or_else(|| anyhow!("the leash has no input"))?;
    stdin
        .write_all(line.as_bytes())
        .context("writing to the leash")
}

fn start() -> Result<Child> {
    Command::new("/bin/sh")
        .args(["-c", SCRIPT])
        // Its own group: a Ctrl-C on the terminal must not end it before us.
        .process_group(0)
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .context("starting the leash")
}
