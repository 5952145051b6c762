use crate::config::{PusherAccount, PusherSettings};
use crate::domain::pusher::hmac_hex;
use md5::{Digest, Md5};
use reqwest::{Client, StatusCode, header, redirect};
use serde_json::json;
use std::time::Duration;
use vigie_events::ids::UserId;
use vigie_identity::Clock;

const CONNECT: Duration = Duration::from_secs(3);
const PATIENCE: Duration = Duration::from_secs(10);
/// Tries of one call, and the pause before the second; it doubles.
const TRIES: u32 = 3;
const PAUSE: Duration = Duration::from_millis(250);

/// Why Pusher did not do what it was asked. Never names the URL: it carries the signature.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// Pusher refused it.
    #[error("refused with {0}")]
    Refused(StatusCode),
    /// No answer.
    #[error(transparent)]
    Http(reqwest::Error),
}

impl PublishError {
    /// Whether it may go well later.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Refused(status) => {
                status.is_server_error() || *status == StatusCode::TOO_MANY_REQUESTS
            }
            Self::Http(_) => true,
        }
    }
}

/// Signs and sends calls to Pusher's API.
pub struct Publisher {
    account: PusherAccount,
    dry_run: bool,
    http: Client,
    clock: Clock,
}

impl Publisher {
    /// For this application.
    pub fn new(
        account: PusherAccount,
        settings: &PusherSettings,
        clock: Clock,
    ) -> reqwest::Result<Self> {
        // Fails when somebody was first; theirs serves as well.
        rustls::crypto::ring::default_provider()
            .install_default()
            .ok();
        let http = Client::builder()
            .user_agent(concat!("vigie/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .no_proxy()
            .connect_timeout(CONNECT)
            .timeout(PATIENCE)
            .build()?;
        Ok(Self {
            account,
            dry_run: settings.dry_run,
            http,
            clock,
        })
    }

    /// Publishes one event on at most ten channels.
    pub async fn publish(
        &self,
        event: &str,
        channels: &[String],
        data: &str,
    ) -> Result<(), PublishError> {
        if self.dry_run {
            tracing::info!(event, channels = channels.len(), "not published: dry run");
            return Ok(());
        }
        let body = json!({"name": event, "channels": channels, "data": data}).to_string();
        let path = format!("/apps/{}/events", self.account.app_id);
        self.call(&path, &body).await
    }

    /// Closes every connection on which this user has signed in; none is as good.
    pub async fn end_connections(&self, user: UserId) -> Result<(), PublishError> {
        if self.dry_run {
            tracing::info!(user.id = %user, "connections not ended: dry run");
            return Ok(());
        }
        let app = &self.account.app_id;
        let path = format!("/apps/{app}/users/{user}/terminate_connections");
        self.call(&path, "{}").await
    }

    async fn call(&self, path: &str, body: &str) -> Result<(), PublishError> {
        let mut pause = PAUSE;
        for _ in 1..TRIES {
            match self.send(path, body).await {
                Err(error) if error.may_pass() => tracing::debug!(%error, "tried again"),
                other => return other,
            }
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
        self.send(path, body).await
    }

    async fn send(&self, path: &str, body: &str) -> Result<(), PublishError> {
        let query = self.signed_query(path, body, self.clock.now().timestamp());
        let mut url = self.account.api.clone();
        url.set_path(path);
        url.set_query(Some(&query));
        let request = self
            .http
            .post(url)
            .header(header::CONTENT_TYPE, "application/json")
            .body(body.to_owned());
        let answer = request.send().await;
        let answer = answer.map_err(|error| PublishError::Http(error.without_url()))?;
        match answer.status() {
            status if status.is_success() => Ok(()),
            status => Err(PublishError::Refused(status)),
        }
    }

    fn signed_query(&self, path: &str, body: &str, now: i64) -> String {
        // Sorted by name: this is what is signed.
        let query = format!(
            "auth_key={}&auth_timestamp={now}&auth_version=1.0&body_md5={}",
            self.account.key,
            hex::encode(Md5::digest(body.as_bytes()))
        );
        let text = format!("POST\n{path}\n{query}");
        let signature = hmac_hex(&self.account.secret, text.as_bytes());
        format!("{query}&auth_signature={signature}")
    }
}

#[cfg(test)]
mod tests {
    use super::Publisher;
    use crate::config::{Config, PusherAccount};
    use vigie_identity::Clock;
    use vigie_service::env::Env;

    fn publisher(api: &str, dry_run: bool) -> Publisher {
        let account = PusherAccount {
            app_id: "3".to_owned(),
            key: "278d425bdf160c739803".to_owned(),
            secret: "7ad3773142a6692b25b8".into(),
            api: api.parse().unwrap(),
        };
        let nothing = Env::from_map(std::iter::empty::<(&str, &str)>());
        let mut settings = nothing.read::<Config>().unwrap().pusher;
        settings.dry_run = dry_run;
        Publisher::new(account, &settings, Clock::system()).unwrap()
    }

    /// The worked example of Pusher's documentation.
    #[test]
    fn signs_the_documented_example() {
        let body = r#"{"name":"foo","channels":["project-3"],"data":"{\"some\":\"data\"}"}"#;
        let publisher = publisher("https://api-eu.pusher.com", false);
        let query = publisher.signed_query("/apps/3/events", body, 1_353_088_179);
        assert_eq!(
            query,
            "auth_key=278d425bdf160c739803&auth_timestamp=1353088179&auth_version=1.0\
             &body_md5=ec365a775a4cd0599faeb73354201b6f\
             &auth_signature=da454824c97ba181a32ccc17a72625ba02771f50b50e1e7430e47a1f3f457e6c"
        );
    }

    #[tokio::test]
    async fn a_dry_run_calls_nobody() {
        let channels = ["private-audit-9".to_owned()];
        let nobody = "http://127.0.0.1:1";
        let publish = async |dry_run| {
            let publisher = publisher(nobody, dry_run);
            publisher.publish("audit.progress", &channels, "{}").await
        };
        assert!(publish(true).await.is_ok());
        let error = publish(false).await.unwrap_err().to_string();
        assert!(!error.contains("auth_signature"), "{error}");
    }
}
