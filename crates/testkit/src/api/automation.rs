//! Schedules and their runs.

use super::{ApiClient, json};
use anyhow::Result;
use serde::Deserialize;
use serde_json::{Value, json};

/// A run of a schedule.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunSummary {
    /// The run.
    #[serde(deserialize_with = "json::id")]
    pub id: String,
    /// `running`, `completed`, `partial`, `failed` or `cancelled`.
    pub status: String,
    /// Fiches of the run.
    #[serde(default)]
    pub total_fiches: i64,
    /// Of these, done.
    #[serde(default)]
    pub successful_fiches: i64,
    /// Of these, failed.
    #[serde(default)]
    pub failed_fiches: i64,
}

impl ApiClient {
    /// Makes a `MANUAL` schedule over these fiches; its id.
    pub async fn create_manual_schedule(
        &self,
        name: &str,
        fiche_ids: &[&str],
        config_ids: &[i64],
    ) -> Result<String> {
        let body = json!({
            "name": name, "scheduleType": "MANUAL",
            "ficheSelection": { "mode": "manual", "ficheIds": fiche_ids },
            "runAudits": true,
            "specificAuditConfigs": config_ids,
            "useAutomaticAudits": config_ids.is_empty(),
        });
        let answer = self.post("/api/automation/schedules", &body).await?;
        Ok(super::text(&answer["data"]["id"]))
    }

    /// Triggers a schedule; the answer as it is.
    pub async fn trigger_schedule(&self, schedule_id: &str) -> Result<Value> {
        let body = json!({ "scheduleId": schedule_id.parse::<i64>()? });
        self.post("/api/automation/trigger", &body).await
    }

    /// The runs of a schedule, newest first.
    pub async fn runs_of(&self, schedule_id: &str) -> Result<Vec<RunSummary>> {
        let path = format!("/api/automation/schedules/{schedule_id}/runs");
        let mut answer = self.get(&path).await?;
        Ok(serde_json::from_value(answer["data"].take())?)
    }

    /// `GET /api/automation/runs/:id`, the run as it is.
    pub async fn run(&self, run_id: &str) -> Result<Value> {
        let mut answer = self.get(&format!("/api/automation/runs/{run_id}")).await?;
        Ok(answer["data"].take())
    }
}
