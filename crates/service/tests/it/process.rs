//! `run`, as an operating system sees it.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Cargo builds the examples beside the tests.
fn idle() -> Command {
    let tests: PathBuf = std::env::current_exe().unwrap();
    let program = tests
        .parent()
        .unwrap()
        .with_file_name("examples")
        .join("idle");
    let mut command = Command::new(program);
    command
        .env_clear()
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

#[test]
fn tells_all_that_is_missing_and_does_not_start() {
    let output = idle()
        .env("METRICS_ADDR", "here")
        .env("VIGIE_ENV", "test")
        .output()
        .unwrap();
    assert!(!output.status.success());
    assert_eq!(
        String::from_utf8(output.stderr).unwrap(),
        "vigie gateway: invalid configuration: VIGIE_ENV must be production or development; \
         METRICS_ADDR invalid socket address syntax; NATS_URL is required; \
         INTERNAL_CLIENT_SECRET is required\n"
    );
}

#[test]
fn stops_in_order_when_asked_to() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let mut child = idle()
            .envs([
                ("METRICS_ADDR", "127.0.0.1:0"),
                ("NATS_URL", "nats://127.0.0.1:1"),
            ])
            .envs([
                ("INTERNAL_CLIENT_SECRET", "hunter2"),
                ("HOSTNAME", "gateway-7"),
            ])
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap())
            .lines()
            .map(|line| {
                let line = line.unwrap();
                assert!(!line.contains("hunter2"));
                serde_json::from_str::<Value>(&line).unwrap()
            });
        let started = lines.next().unwrap();
        assert_eq!(started["message"], "started");
        assert_eq!(
            (&started["service"], &started["instance"]),
            (&"gateway".into(), &"gateway-7".into())
        );
        kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), signal).unwrap();
        let asked = lines.next().unwrap();
        assert_eq!(asked["signal"], signal.as_str());
        assert!(child.wait().unwrap().success());
    }
}
