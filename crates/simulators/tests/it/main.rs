//! The simulators over real HTTP.

#![expect(
    clippy::unwrap_used,
    reason = "a helper that fails is a test that fails"
)]

mod faults;
mod model;
mod program;
mod pusher;
mod speech;

use serde_json::{Value, json};
use vigie_simulators::{Options, Simulators};

/// Simulators and a client of theirs.
struct World {
    simulators: Simulators,
    client: reqwest::Client,
}

async fn world() -> World {
    world_with(Options::default()).await
}

async fn world_with(options: Options) -> World {
    // Whoever comes first installs it.
    let _ = rustls::crypto::ring::default_provider().install_default();
    World {
        simulators: Simulators::start(options).await.unwrap(),
        client: reqwest::Client::new(),
    }
}

impl World {
    async fn fault(&self, simulator: &str, rule: Value) {
        let answer = self
            .client
            .post(format!("{simulator}/__faults"))
            .json(&rule)
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 201, "{}", answer.text().await.unwrap());
    }

    async fn calls(&self, simulator: &str) -> Value {
        let answer = self.client.get(format!("{simulator}/__calls")).send().await;
        answer.unwrap().json().await.unwrap()
    }

    async fn ask(&self, request: &Value) -> reqwest::Response {
        let url = format!("{}/v1/chat/completions", self.simulators.llm_url);
        let answer = self.client.post(url).json(request).send().await;
        answer.unwrap()
    }
}

/// A short conversation.
fn hello() -> Value {
    json!({ "model": "m", "messages": [{ "role": "user", "content": "Bonjour" }] })
}
