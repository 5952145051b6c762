//! Recordings without the CRM's addresses.

use crate::support::{App, answer, header};
use axum::Router;
use axum::http::header::{CONTENT_RANGE, CONTENT_TYPE, LOCATION, RANGE};
use axum::http::{HeaderMap, StatusCode as Status};
use axum::response::IntoResponse;
use axum::routing::get;
use reqwest::{Method, StatusCode};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

const KEY: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

async fn audio(headers: HeaderMap) -> impl IntoResponse {
    match headers.get(RANGE) {
        None => (Status::OK, [(CONTENT_TYPE, "audio/mpeg")], "sound").into_response(),
        Some(range) => {
            assert_eq!(range, "bytes=1-2");
            let headers = [(CONTENT_TYPE, "text/html"), (CONTENT_RANGE, "bytes 1-2/5")];
            (Status::PARTIAL_CONTENT, headers, "ou").into_response()
        }
    }
}

/// Where recordings lie.
async fn shelf() -> (String, JoinSet<()>) {
    let router = Router::new()
        .route("/a.mp3", get(audio))
        .route(
            "/away",
            get(|| async { (Status::FOUND, [(LOCATION, "http://10.0.0.1/a.mp3")]) }),
        )
        .route("/gone", get(|| async { Status::NOT_FOUND }));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let mut serving = JoinSet::new();
    serving.spawn(async move { axum::serve(listener, router).await.unwrap() });
    (base, serving)
}

#[tokio::test]
async fn a_link_plays_what_its_address_is_not_told_of() {
    let app = App::with(&[("RECORDING_LINK_KEY", KEY)]).await;
    let (base, _shelf) = shelf().await;
    let link = async |path: &str| {
        app.world.script().recording_url = format!("{base}{path}");
        let (status, body) = app.get("/api/recordings/44").await;
        assert_eq!(status, StatusCode::OK);
        let url = body["data"][0]["recordingUrl"].as_str().unwrap();
        let path = url.strip_prefix("http://localhost:3002").unwrap();
        path.to_owned()
    };
    // Players send no tokens.
    let path = link("/a.mp3").await;
    let whole = app.anonymous(Method::GET, &path).send().await.unwrap();
    assert_eq!(whole.status(), StatusCode::OK);
    assert_eq!(header(&whole, "content-type"), Some("audio/mpeg"));
    assert_eq!(header(&whole, "content-length"), Some("5"));
    assert_eq!(header(&whole, "cache-control"), Some("no-store"));
    assert_eq!(whole.text().await.unwrap(), "sound");
    let part = app
        .anonymous(Method::GET, &path)
        .header("range", "bytes=1-2");
    let part = part.send().await.unwrap();
    assert_eq!(part.status(), StatusCode::PARTIAL_CONTENT);
    assert_eq!(header(&part, "content-range"), Some("bytes 1-2/5"));
    // What says it is a page is not shown as one.
    assert_eq!(
        header(&part, "content-type"),
        Some("application/octet-stream")
    );
    for path in [link("/away").await, link("/gone").await] {
        let (status, body) = answer(app.anonymous(Method::GET, &path)).await;
        assert_eq!(status, StatusCode::BAD_GATEWAY);
        assert_eq!(body["error"], "The recording cannot be read");
    }
    for path in [format!("{path}A"), "/api/recordings/audio/x".to_owned()] {
        let (status, body) = answer(app.anonymous(Method::GET, &path)).await;
        assert_eq!(status, StatusCode::FORBIDDEN);
        assert_eq!(body["error"], "This link has ended");
    }
    app.stop().await.unwrap();
}

#[tokio::test]
async fn audits_quote_recordings_by_links_too() {
    let app = App::with(&[("RECORDING_LINK_KEY", KEY)]).await;
    let (_, one) = app.get("/api/audits/9031").await;
    let (_, of_fiche) = app
        .get("/api/audits/by-fiche/44?include_details=true")
        .await;
    for audit in [&one["data"], &of_fiche["data"][0]] {
        let quote = &audit["resultData"]["audit"]["citations"][0];
        let url = quote["recording_url"].as_str().unwrap();
        assert!(url.contains("/api/recordings/audio/"), "{audit}");
        assert_eq!(quote["texte"], "Bonjour");
    }
    app.stop().await.unwrap();
}

#[tokio::test]
async fn without_a_key_the_address_is_shown() {
    let app = App::start().await;
    let (_, audit) = app.get("/api/audits/9031").await;
    let quote = &audit["data"]["resultData"]["audit"]["citations"][0];
    assert_eq!(quote["recording_url"], "https://records.test/7.mp3");
    app.world.script().recording_url = "https://records.test/a.mp3".to_owned();
    let (_, body) = app.get("/api/recordings/44").await;
    assert_eq!(
        body["data"][0]["recordingUrl"],
        json!("https://records.test/a.mp3")
    );
    let (status, _) = app.get("/api/recordings/audio/x").await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    app.stop().await.unwrap();
}
