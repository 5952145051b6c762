mod answers;
mod faults;
mod records;
mod world;

use chrono::NaiveDate;
use reqwest::Response;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{Options, error_body, router};
use crate::faults::{Faults, Rule};

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

/// A Wednesday; ids of its fiches start at 2220500.
const TODAY: &str = "2026-01-14";

/// A CRM on a free port; gone when dropped.
struct Crm {
    url: String,
    faults: Faults,
    client: reqwest::Client,
    _server: JoinSet<()>,
}

impl Crm {
    async fn start() -> Self {
        Self::with(Options::default()).await
    }

    async fn with(options: Options) -> Self {
        rustls::crypto::ring::default_provider()
            .install_default()
            .ok();
        let faults = Faults::new(error_body, CancellationToken::new());
        let options = Options {
            today: Some(day(TODAY)),
            ..options
        };
        let app = router(options, &faults);
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let mut server = JoinSet::new();
        server.spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self {
            url,
            faults,
            client: reqwest::Client::builder().no_proxy().build().unwrap(),
            _server: server,
        }
    }

    async fn get(&self, path: &str) -> Response {
        let url = format!("{}{path}", self.url);
        self.client.get(url).send().await.unwrap()
    }

    async fn json(&self, path: &str) -> Value {
        let answer = self.get(path).await;
        assert_eq!(answer.status(), 200, "{path}");
        answer.json().await.unwrap()
    }

    /// The details of the n-th sale of today.
    async fn details(&self, place: u64) -> Value {
        let id = super::seed::fiche_id(day(TODAY), place);
        self.json(&format!("/api/fiches/by-id/{id}")).await
    }

    fn fault(&self, kind: &str) {
        self.faults.add(Rule {
            count: 1,
            ..Rule::new(kind)
        });
    }
}
