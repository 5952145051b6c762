//! Sales and their fiches.

use super::{ApiClient, json};
use anyhow::Result;
use serde::Deserialize;
use serde_json::Value;

/// The sales of one day.
#[derive(Debug, Clone, Deserialize)]
pub struct SaleDay {
    /// One a sale.
    pub fiches: Vec<SaleFiche>,
    /// How many there are.
    pub total: u64,
}

/// A sale in the list of its day.
#[derive(Debug, Clone, Deserialize)]
pub struct SaleFiche {
    /// The fiche.
    #[serde(deserialize_with = "json::id")]
    pub id: String,
    /// The customer's last name.
    #[serde(default)]
    pub nom: Option<String>,
    /// The customer's first name.
    #[serde(default)]
    pub prenom: Option<String>,
    /// What Vigie knows of it.
    #[serde(default)]
    pub status: Value,
}

impl ApiClient {
    /// `GET /api/fiches/search`: the sales of a day (`YYYY-MM-DD`).
    pub async fn fiches_on(&self, date: &str) -> Result<SaleDay> {
        let answer = self.get(&format!("/api/fiches/search?date={date}")).await?;
        Ok(serde_json::from_value(answer)?)
    }
}
