//! A server that would ignore what it does not understand is refused.

use std::io::Result;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use vigie_bus::{Bus, BusConfig, BusError};

/// Greets one client as a server of this version and answers its pings.
async fn pretend(client: TcpStream, version: &str) -> Result<()> {
    let (input, mut output) = client.into_split();
    let info = format!(
        r#"INFO {{"server_id":"old","server_name":"old","version":"{version}","go":"go1.22","host":"127.0.0.1","port":4222,"headers":true,"max_payload":1048576,"proto":1,"jetstream":true}}"#
    );
    output.write_all(format!("{info}\r\n").as_bytes()).await?;
    let mut lines = BufReader::new(input).lines();
    while let Some(line) = lines.next_line().await? {
        if line.starts_with("PING") {
            output.write_all(b"PONG\r\n").await?;
        }
    }
    Ok(())
}

async fn connect_to(version: &str) -> std::result::Result<Bus, BusError> {
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let config = BusConfig {
        url: format!("nats://{}", socket.local_addr().unwrap()),
        creds_file: None,
        prefix: None,
        replicas: 1,
        source: "tester",
    };
    let server = async {
        loop {
            let (client, _) = socket.accept().await.unwrap();
            // The client may leave at any time.
            pretend(client, version).await.ok();
        }
    };
    tokio::select! {
        connected = Bus::connect(config) => connected,
        () = server => unreachable!("it accepts for ever"),
    }
}

#[tokio::test]
async fn an_old_server_is_refused_with_its_version() {
    for version in ["2.10.29", "2.11.9", "1.4.1"] {
        let refused = connect_to(version).await.err();
        let Some(BusError::ServerTooOld { found }) = &refused else {
            panic!("{version}: {refused:?}");
        };
        assert_eq!(found, version);
        let told = refused.unwrap().to_string();
        assert!(told.contains(version) && told.contains("2.12"), "{told}");
    }
    for version in ["2.12.0", "2.15.0"] {
        assert!(connect_to(version).await.is_ok(), "{version}");
    }
}
