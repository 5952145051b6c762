//! Connections that bring nothing are closed; those that are answered are not.

use crate::fake::launch;
use axum::Router;
use axum::extract::ConnectInfo;
use axum::routing::get;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};
use vigie_service::{Boot, Running, ServiceName};

const PATIENCE: Duration = Duration::from_millis(300);
const LIMIT: Duration = Duration::from_secs(20);

async fn serving() -> (Running, SocketAddr) {
    let mut bound = None;
    let running = launch(ServiceName::Gateway, [], async |boot: Boot<()>| {
        let slow = async || {
            // Longer than the patience with heads: an answer may take its time.
            tokio::time::sleep(3 * PATIENCE).await;
            "slow"
        };
        let peer = async |ConnectInfo(peer): ConnectInfo<SocketAddr>| peer.ip().to_string();
        let router = Router::new()
            .route("/peer", get(peer))
            .route("/slow", get(slow));
        let any = "127.0.0.1:0".parse()?;
        bound = Some(boot.serve_http_within(any, router, PATIENCE)?);
        Ok(())
    })
    .await
    .unwrap();
    (running, bound.unwrap())
}

/// Everything until the server closes.
async fn to_the_end(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    // A reset is an end too.
    let _read = timeout(LIMIT, stream.read_to_end(&mut text)).await.unwrap();
    String::from_utf8(text).unwrap()
}

#[tokio::test]
async fn silence_and_slow_heads_end_a_connection() {
    let (running, addr) = serving().await;
    for sent in [
        "",
        "GET /peer HT",
        "GET /peer HTTP/1.1\r\nhost: a\r\nx-slow: ",
    ] {
        let mut stream = TcpStream::connect(addr).await.unwrap();
        stream.write_all(sent.as_bytes()).await.unwrap();
        let told = to_the_end(&mut stream).await;
        assert!(!told.starts_with("HTTP/1.1 200"), "{sent}: {told}");
    }
    running.stop().await.unwrap();
}

#[tokio::test]
async fn drops_of_a_head_win_no_time() {
    let (running, addr) = serving().await;
    let stream = TcpStream::connect(addr).await.unwrap();
    let (mut reader, mut writer) = stream.into_split();
    let drip = async {
        writer.write_all(b"GET /peer HTTP/1.1\r\nx-slow: ").await?;
        let mut beat = tokio::time::interval(PATIENCE / 10);
        loop {
            beat.tick().await;
            writer.write_all(b"x").await?;
        }
    };
    let mut told = Vec::new();
    let closed = timeout(LIMIT, async {
        tokio::select! {
            _ = reader.read_to_end(&mut told) => {}
            failed = drip => {
                let _: Result<(), std::io::Error> = failed;
            }
        }
    });
    closed.await.unwrap();
    running.stop().await.unwrap();
}

#[tokio::test]
async fn an_answer_may_take_its_time_and_idleness_ends_it_then() {
    let (running, addr) = serving().await;
    let mut stream = TcpStream::connect(addr).await.unwrap();
    let ask = "GET /slow HTTP/1.1\r\nhost: a\r\n\r\nGET /peer HTTP/1.1\r\nhost: a\r\n\r\n";
    let began = Instant::now();
    stream.write_all(ask.as_bytes()).await.unwrap();
    let told = to_the_end(&mut stream).await;
    assert_eq!(told.matches("HTTP/1.1 200").count(), 2, "{told}");
    assert!(
        told.contains("slow") && told.ends_with("127.0.0.1"),
        "{told}"
    );
    assert!(began.elapsed() >= 4 * PATIENCE);
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_stop_ends_idle_connections_and_finishes_answers() {
    let (running, addr) = serving().await;
    let mut idle = TcpStream::connect(addr).await.unwrap();
    let mut busy = TcpStream::connect(addr).await.unwrap();
    let ask = "GET /slow HTTP/1.1\r\nhost: a\r\n\r\n";
    busy.write_all(ask.as_bytes()).await.unwrap();
    // Its answer shows that the others were accepted.
    let mut other = TcpStream::connect(addr).await.unwrap();
    other
        .write_all(b"GET /peer HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
        .await
        .unwrap();
    to_the_end(&mut other).await;
    let ((), idle, busy) = tokio::join!(
        async { running.stop().await.unwrap() },
        to_the_end(&mut idle),
        to_the_end(&mut busy),
    );
    assert_eq!(idle, "");
    assert!(busy.contains("slow"), "{busy}");
}
