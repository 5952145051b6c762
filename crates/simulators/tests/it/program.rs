//! The program: says where it listens, and ends when told to.

use std::process::Stdio;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

#[tokio::test]
async fn it_announces_its_addresses_and_ends_on_sigterm() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let ready = std::env::temp_dir().join(format!("vigie-simulators-{}.json", std::process::id()));
    let mut program = Command::new(env!("CARGO_BIN_EXE_vigie-simulators"))
        .arg("--ready-file")
        .arg(&ready)
        .args(["--llm-key", "k"])
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(program.stdout.take().unwrap()).lines();
    let announced = lines.next_line().await.unwrap().unwrap();
    let addresses: Value = serde_json::from_str(&announced).unwrap();
    for name in ["crm_url", "stt_url", "llm_url", "pusher_url"] {
        let url = format!("{}/__calls", addresses[name].as_str().unwrap());
        assert_eq!(reqwest::get(url).await.unwrap().status(), 200, "{name}");
    }

    let pid = program.id().unwrap().to_string();
    let told = Command::new("kill").args(["-TERM", &pid]).status().await;
    assert!(told.unwrap().success());
    assert!(program.wait().await.unwrap().success());
    let written: Value = serde_json::from_slice(&std::fs::read(&ready).unwrap()).unwrap();
    assert_eq!(written, addresses);
    std::fs::remove_file(&ready).unwrap();
}
