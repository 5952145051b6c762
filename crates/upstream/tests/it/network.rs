//! What breaks below HTTP, told apart.

use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, TcpListener};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use rstest::rstest;
use vigie_upstream::NetworkCause;
use vigie_upstream::crm::{CrmCause, CrmClient, CrmConfig, CrmError};
use vigie_upstream::retry::RetryPolicy;
use vigie_upstream::speech::{DownloadConfig, Downloader};
use vigie_webhooks::{GuardConfig, Lookup, UrlGuard};

/// A server that reads a request, writes `answer` and hangs up, `times` times.
fn hang_up_after(answer: &'static str, times: usize) -> (String, thread::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = thread::spawn(move || {
        for _ in 0..times {
            let (mut stream, _) = listener.accept().unwrap();
            assert!(stream.read(&mut [0; 4096]).unwrap() > 0);
            stream.write_all(answer.as_bytes()).unwrap();
        }
    });
    (url, server)
}

#[rstest]
#[case("", NetworkCause::Reset)]
#[case("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{", NetworkCause::Body)]
#[tokio::test]
async fn a_broken_line_is_tried_again_and_named(
    #[case] answer: &'static str,
    #[case] expected: NetworkCause,
) {
    let (url, server) = hang_up_after(answer, 2);
    let crm = CrmClient::new(CrmConfig {
        retry: RetryPolicy {
            attempts: 2,
            base: Duration::from_millis(1),
            ..RetryPolicy::STANDARD
        },
        ..CrmConfig::new(url)
    })
    .unwrap();
    let error = crm.users().await.unwrap_err();
    assert!(
        matches!(&error, CrmError::Upstream { cause: CrmCause::Network(cause), .. } if *cause == expected),
        "{error:?}"
    );
    server.join().unwrap();
}

/// Answers with these addresses, or fails.
struct Names(Option<IpAddr>);
impl Lookup for Names {
    fn lookup(&self, _: &str) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        let found = self.0.map(|ip| vec![ip]);
        let found = found.ok_or_else(|| io::Error::other("secret reason"));
        std::future::ready(found).boxed()
    }
}

#[rstest]
#[case(Some("10.0.0.7"), "Audio download failed: address not allowed", false)]
#[case(
    Some("169.254.169.254"),
    "Audio download failed: address not allowed",
    false
)]
#[case(None, "Audio download failed code=ENOTFOUND", true)]
#[tokio::test]
async fn a_name_may_lead_nowhere_or_where_it_must_not(
    #[case] address: Option<&str>,
    #[case] text: &str,
    #[case] retryable: bool,
) {
    let config = GuardConfig {
        development: false,
        allowed_origins: Vec::new(),
        subject: "recording URL",
    };
    let names = Names(address.map(|ip| ip.parse().unwrap()));
    let guard = UrlGuard::with_lookup(config, Arc::new(names)).unwrap();
    let downloader = Downloader::new(DownloadConfig::default(), guard).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let url = "https://records.example.com/a.mp3";
    let error = downloader
        .download(url, directory.path())
        .await
        .unwrap_err();
    assert_eq!(
        (error.to_string().as_str(), error.is_retryable()),
        (text, retryable)
    );
}
