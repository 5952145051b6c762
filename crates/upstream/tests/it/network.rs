//! What breaks below HTTP, told apart.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpListener;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use reqwest::dns::{Name, Resolve, Resolving};
use rstest::rstest;
use url::Url;
use vigie_upstream::NetworkCause;
use vigie_upstream::crm::{CrmCause, CrmClient, CrmConfig, CrmError};
use vigie_upstream::retry::RetryPolicy;
use vigie_upstream::speech::{DownloadConfig, Downloader, SpeechError, UrlCheck};

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

struct Resolver(ErrorKind);
impl Resolve for Resolver {
    fn resolve(&self, _: Name) -> Resolving {
        let error = std::io::Error::new(self.0, "secret reason");
        Box::pin(async move { Err(error.into()) })
    }
}

struct Anything;
impl UrlCheck for Anything {
    fn check(&self, _: &Url) -> Result<(), String> {
        Ok(())
    }
}

#[rstest]
#[case(
    ErrorKind::PermissionDenied,
    "Audio download failed: address not allowed",
    false
)]
#[case(ErrorKind::Other, "Audio download failed code=ENOTFOUND", true)]
#[tokio::test]
async fn a_resolver_may_refuse_or_fail(
    #[case] kind: ErrorKind,
    #[case] text: &str,
    #[case] retryable: bool,
) {
    let resolver = Arc::new(Resolver(kind));
    let downloader = Downloader::new(
        DownloadConfig::default(),
        Arc::new(Anything),
        Some(resolver),
    )
    .unwrap();
    let directory = tempfile::tempdir().unwrap();
    let url = "http://records.example.test/a.mp3";
    let error: SpeechError = downloader
        .download(url, directory.path())
        .await
        .unwrap_err();
    assert_eq!(
        (error.to_string().as_str(), error.is_retryable()),
        (text, retryable)
    );
}
