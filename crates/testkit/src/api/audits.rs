//! Running audits and reading them.

use super::{ApiClient, Scorecard, json};
use anyhow::Result;
use serde::Deserialize;
use serde_json::{Value, json};

/// An audit that was accepted.
#[derive(Debug, Clone, Deserialize)]
pub struct Queued {
    /// Its tracking id.
    pub audit_id: String,
    /// Its database id.
    #[serde(deserialize_with = "json::id")]
    pub audit_db_id: String,
    /// The fiche.
    #[serde(deserialize_with = "json::id")]
    pub fiche_id: String,
    /// The configuration.
    #[serde(deserialize_with = "json::id")]
    pub audit_config_id: String,
}

/// `GET /api/audits/:id`, with what its callers ask most at hand.
#[derive(Debug, Clone)]
pub struct AuditDetail(pub Value);

impl AuditDetail {
    /// `pending`, `running`, `completed` or `failed`.
    pub fn status(&self) -> &str {
        self.0["status"].as_str().unwrap_or_default()
    }

    /// Whether it has ended.
    pub fn is_terminal(&self) -> bool {
        matches!(self.status(), "completed" | "failed")
    }

    /// Why it failed.
    pub fn error(&self) -> Option<&str> {
        self.0["errorMessage"].as_str()
    }

    /// How far its realtime messages are included.
    pub fn sequence(&self) -> i64 {
        self.0["sequence"].as_i64().unwrap_or_default()
    }

    /// The steps with a result.
    pub fn steps(&self) -> &[Value] {
        self.0["stepResults"].as_array().map_or(&[], Vec::as_slice)
    }

    /// The verdicts and their quotes.
    pub fn scorecard(&self) -> Scorecard {
        Scorecard::of(&self.0)
    }
}

impl ApiClient {
    /// `POST /api/audits/run`.
    pub async fn run_audit(&self, fiche_id: &str, config_id: &str) -> Result<Queued> {
        let body = json!({ "fiche_id": fiche_id, "audit_config_id": config_id });
        Ok(serde_json::from_value(
            self.post("/api/audits/run", &body).await?,
        )?)
    }

    /// `POST /api/audits/run-latest`: with the newest active configuration.
    pub async fn run_latest_audit(&self, fiche_id: &str) -> Result<Queued> {
        let body = json!({ "fiche_id": fiche_id });
        Ok(serde_json::from_value(
            self.post("/api/audits/run-latest", &body).await?,
        )?)
    }

    /// `GET /api/audits/:id`.
    pub async fn audit(&self, id: &str) -> Result<AuditDetail> {
        let mut answer = self.get(&format!("/api/audits/{id}")).await?;
        let detail = match answer.get_mut("data") {
            Some(data) => data.take(),
            None => answer,
        };
        Ok(AuditDetail(detail))
    }

    /// `GET /api/audits` with this query, the answer as it is.
    pub async fn audits(&self, query: &str) -> Result<Value> {
        self.get(&format!("/api/audits?{query}")).await
    }

    /// `GET /api/audit-configs`: the ids of the active configurations.
    pub async fn audit_configs(&self) -> Result<Vec<i64>> {
        let answer = self.get("/api/audit-configs").await?;
        let configs = answer["data"].as_array().into_iter().flatten();
        configs
            .map(|config| Ok(super::text(&config["id"]).parse()?))
            .collect()
    }

    /// `GET /api/audits/by-fiche/:fiche`.
    pub async fn audits_of(&self, fiche_id: &str) -> Result<Vec<Value>> {
        let mut answer = self
            .get(&format!("/api/audits/by-fiche/{fiche_id}"))
            .await?;
        Ok(serde_json::from_value(answer["data"].take())?)
    }

    /// Follows an audit over SSE until it has ended, telling `seen` each event.
    pub async fn follow_audit(
        &self,
        id: &str,
        mut seen: impl FnMut(&super::Frame),
    ) -> Result<AuditDetail> {
        let mut live = self.live(&[&format!("audit-{id}")]).await?;
        // Subscribed first, read then: what ended before is seen here, what ends later there.
        let mut detail = self.audit(id).await?;
        while !detail.is_terminal() {
            let frame = live.next().await?;
            seen(&frame);
            if matches!(
                frame.event.as_str(),
                "audit.completed" | "audit.failed" | "reset"
            ) {
                detail = self.audit(id).await?;
            }
        }
        Ok(detail)
    }
}
