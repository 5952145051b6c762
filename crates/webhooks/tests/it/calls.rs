use vigie_webhooks::{FetchError, Reason, UrlGuard};
use wiremock::matchers::path;
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::{Script, TIMEOUTS, config, guard, refused};

async fn redirect(server: &MockServer, from: &str, to: &str) {
    let answer = ResponseTemplate::new(302).insert_header("location", to);
    Mock::given(path(from))
        .respond_with(answer)
        .mount(server)
        .await;
}

async fn page(server: &MockServer, at: &str, text: &str) {
    let answer = ResponseTemplate::new(200).set_body_string(text);
    Mock::given(path(at))
        .respond_with(answer)
        .mount(server)
        .await;
}

async fn asked(server: &MockServer) -> usize {
    server.received_requests().await.unwrap().len()
}

#[tokio::test]
async fn connects_to_the_address_that_was_checked() {
    let server = MockServer::start().await;
    page(&server, "/hook", "here").await;
    let port = server.address().port();
    // Nothing but the script knows this name.
    let origin = format!("http://receiver.example.com:{port}");
    let script = Script::of(&[&["127.0.0.1"], &["127.0.0.1"]]);
    let guard = UrlGuard::with_lookup(config(false, &[&origin]), script.clone()).unwrap();
    let client = guard.client(TIMEOUTS).unwrap();
    for _ in 0..2 {
        let mut answer = client.get(&format!("{origin}/hook")).await.unwrap();
        assert_eq!(answer.chunk().await.unwrap().unwrap(), "here");
    }
    // Each call looked the name up once, for a connection of its own.
    assert_eq!(script.asked().len(), 2);
    let requests = server.received_requests().await.unwrap();
    let host = requests[0].headers["host"].to_str().unwrap().to_owned();
    assert_eq!(host, format!("receiver.example.com:{port}"));
}

#[tokio::test]
async fn follows_no_redirect_unless_told() {
    let server = MockServer::start().await;
    redirect(&server, "/a", "/b").await;
    let client = guard(true, &[]).client(TIMEOUTS).unwrap();
    let answer = client.get(&format!("{}/a", server.uri())).await.unwrap();
    assert_eq!(answer.status(), 302);
    assert_eq!(asked(&server).await, 1);
}

#[tokio::test]
async fn follows_as_many_redirects_as_told() {
    let server = MockServer::start().await;
    for (from, to) in [("/0", "/1"), ("/1", "2"), ("/2", "/3"), ("/3", "/4")] {
        redirect(&server, from, to).await;
    }
    page(&server, "/4", "end").await;
    let client = guard(true, &[]).client(TIMEOUTS).unwrap().following(3);
    let answer = client.get(&format!("{}/1", server.uri())).await.unwrap();
    assert_eq!(answer.text().await.unwrap(), "end");
    let error = client
        .get(&format!("{}/0", server.uri()))
        .await
        .unwrap_err();
    assert!(matches!(error, FetchError::TooManyRedirects(3)), "{error}");
    assert_eq!(asked(&server).await, 8);
}

#[tokio::test]
async fn each_redirect_is_checked_like_the_first() {
    let server = MockServer::start().await;
    let client = guard(true, &[]).client(TIMEOUTS).unwrap().following(3);
    for (number, (to, reason)) in [
        ("http://169.254.169.254/latest/meta-data/", Reason::Address),
        ("http://10.0.0.1/", Reason::Address),
        ("http://user:pass@127.0.0.1/", Reason::Credentials),
        ("http://vault.internal/", Reason::Hostname),
        ("//[fe80::1]/", Reason::Address),
        ("file:///etc/passwd", Reason::Scheme),
    ]
    .into_iter()
    .enumerate()
    {
        let from = format!("/{number}");
        redirect(&server, &from, to).await;
        let error = client.get(&format!("{}{from}", server.uri())).await;
        let Err(FetchError::Refused(found)) = error else {
            panic!("{to} was followed: {error:?}");
        };
        assert_eq!(found, refused(reason), "{to}");
    }
    redirect(&server, "/bad", "http://[").await;
    let error = client.get(&format!("{}/bad", server.uri())).await;
    assert!(matches!(error, Err(FetchError::BadRedirect)));
}

#[tokio::test]
async fn a_name_a_redirect_leads_to_is_resolved_and_checked_too() {
    let server = MockServer::start().await;
    redirect(&server, "/", "http://inside.example.com/").await;
    let script = Script::of(&[&["10.0.0.9"]]);
    let guard = UrlGuard::with_lookup(config(true, &[]), script.clone()).unwrap();
    let client = guard.client(TIMEOUTS).unwrap().following(3);
    let error = client.get(&server.uri()).await.unwrap_err();
    assert!(matches!(error, FetchError::Refused(_)), "{error}");
    assert_eq!(script.asked(), ["inside.example.com"]);
}

#[tokio::test]
async fn in_production_this_machine_is_not_called() {
    let server = MockServer::start().await;
    let client = guard(false, &[]).client(TIMEOUTS).unwrap();
    assert!(client.get(&server.uri()).await.is_err());
    assert_eq!(asked(&server).await, 0);
}
