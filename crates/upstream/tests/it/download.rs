use std::time::Duration;

use url::Url;
use vigie_upstream::speech::{DownloadConfig, Downloader, SpeechError, SpeechErrorClass};
use vigie_webhooks::{GuardConfig, UrlGuard};
use wiremock::matchers::path;
use wiremock::{Mock, MockServer, ResponseTemplate};

/// A guard for development: this machine is open, other private addresses are not.
fn downloader(config: DownloadConfig) -> Downloader {
    let guard = GuardConfig {
        development: true,
        allowed_origins: Vec::new(),
        subject: "recording URL",
    };
    Downloader::new(config, UrlGuard::new(guard).unwrap()).unwrap()
}

fn small() -> DownloadConfig {
    DownloadConfig {
        max_bytes: 1000,
        timeout: Duration::from_millis(800),
        ..DownloadConfig::default()
    }
}

fn audio(bytes: usize) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_raw(vec![7; bytes], "audio/x-wav")
}

fn to(target: &str) -> ResponseTemplate {
    ResponseTemplate::new(302).insert_header("location", target)
}

async fn serve(server: &MockServer, at: &str, template: ResponseTemplate) {
    Mock::given(path(at))
        .respond_with(template)
        .mount(server)
        .await;
}

async fn fetch(server: &MockServer, at: &str) -> Result<(String, u64, Vec<u8>), SpeechError> {
    let directory = tempfile::tempdir().unwrap();
    let url = format!("{}{at}?signature=secret", server.uri());
    let result = downloader(small()).download(&url, directory.path()).await;
    if let Err(error) = &result {
        assert!(!format!("{error} {error:?}").contains("secret"));
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
    }
    let it = result?;
    let bytes = std::fs::read(it.path()).unwrap();
    Ok((it.content_type().to_owned(), it.size_bytes(), bytes))
}

#[tokio::test]
async fn audio_lands_on_disk_after_three_redirects_at_most() {
    let server = MockServer::start().await;
    serve(&server, "/1", to("/2")).await;
    serve(&server, "/2", to("/3")).await;
    serve(&server, "/3", to("/a.mp3")).await;
    serve(&server, "/0", to("/1")).await;
    serve(&server, "/a.mp3", audio(1000)).await;
    let (content_type, size, bytes) = fetch(&server, "/1").await.unwrap();
    assert_eq!((content_type.as_str(), size), ("audio/x-wav", 1000));
    assert_eq!(bytes, vec![7; 1000]);
    assert_eq!(
        fetch(&server, "/0").await.unwrap_err(),
        SpeechError::Refused("too many redirects".into())
    );
}

#[tokio::test]
async fn every_hop_is_checked() {
    let server = MockServer::start().await;
    serve(&server, "/1", to("http://169.254.169.254/latest/meta-data")).await;
    serve(&server, "/2", to("file:///etc/passwd")).await;
    serve(&server, "/3", to("http://user:pw@localhost/a.mp3")).await;
    for (at, why) in [
        ("/1", "recording URL IP not allowed"),
        ("/2", "not an http(s) URL"),
        ("/3", "recording URL must not include credentials"),
    ] {
        let error = fetch(&server, at).await.unwrap_err();
        assert_eq!(error, SpeechError::Refused(why.to_owned()));
        assert_eq!(error.class(), SpeechErrorClass::Permanent);
    }
}

#[tokio::test]
async fn an_allowed_origin_needs_no_guard() {
    let server = MockServer::start().await;
    serve(&server, "/a.mp3", audio(10)).await;
    let production = GuardConfig {
        development: false,
        allowed_origins: Vec::new(),
        subject: "recording URL",
    };
    let guard = UrlGuard::new(production).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let url = format!("{}/a.mp3", server.uri());
    let strict = Downloader::new(small(), guard.clone()).unwrap();
    let refused = strict.download(&url, directory.path()).await.unwrap_err();
    assert!(matches!(refused, SpeechError::Refused(_)), "{refused:?}");
    let config = DownloadConfig {
        allowed_origins: vec![Url::parse(&server.uri()).unwrap()],
        ..small()
    };
    let open = Downloader::new(config, guard).unwrap();
    let fetched = open.download(&url, directory.path()).await.unwrap();
    assert_eq!(fetched.size_bytes(), 10);
}

#[tokio::test]
async fn bounds_hold_and_failures_are_classified() {
    let server = MockServer::start().await;
    serve(&server, "/large", audio(1001)).await;
    serve(
        &server,
        "/slow",
        audio(1).set_delay(Duration::from_secs(20)),
    )
    .await;
    serve(&server, "/empty", audio(0)).await;
    serve(
        &server,
        "/page",
        ResponseTemplate::new(200).set_body_raw("<html>", "text/html"),
    )
    .await;
    serve(
        &server,
        "/busy",
        ResponseTemplate::new(503).insert_header("retry-after", "9"),
    )
    .await;
    let of = async |at: &str| fetch(&server, at).await.unwrap_err();
    assert_eq!(
        of("/large").await,
        SpeechError::TooLarge { limit_bytes: 1000 }
    );
    let slow = of("/slow").await;
    assert_eq!(slow.to_string(), "Audio download failed code=ETIMEDOUT");
    assert!(slow.is_retryable());
    assert!(of("/empty").await.is_retryable());
    assert_eq!(of("/page").await.class(), SpeechErrorClass::Permanent);
    let busy = of("/busy").await;
    assert_eq!(busy.to_string(), "Audio download failed status=503");
    assert_eq!(busy.retry_after(), Some(Duration::from_secs(9)));
    let missing = of("/missing").await;
    assert_eq!(missing.to_string(), "Audio download failed status=404");
    assert_eq!(missing.class(), SpeechErrorClass::Permanent);
}
