//! The sales of a day, live from the CRM (`fiches.md` 3.3).

use super::edge::Params;
use super::failure::Failure;
use super::fiche_rows::known;
use super::fiches::{NO_DATE, is_date};
use crate::app::{AppState, patient_call};
use crate::domain::status::FicheStatus;
use axum::Json;
use axum::extract::{Extension, State};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use vigie_contracts::fiche::v1 as pb;
use vigie_identity::Caller;

/// The sales of a day.
#[derive(Serialize, ToSchema)]
pub struct Sales {
    fiches: Vec<Sale>,
    total: i32,
}

/// A sale, and what Vigie knows of it.
#[derive(Serialize, ToSchema)]
pub struct Sale {
    #[serde(flatten)]
    sale: pb::SaleFiche,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<FicheStatus>,
}

/// The sales of one day, live from the CRM.
#[utoipa::path(get, path = "/api/fiches/search", tag = "fiches",
    params(("date" = String, Query, description = "YYYY-MM-DD"),
        ("includeStatus" = Option<String>, Query, description = "`false` leaves `status` out")),
    responses((status = 200, body = Sales)))]
pub async fn search(
    State(gateway): State<AppState>,
    Extension(caller): Extension<Caller>,
    params: Params,
) -> Result<Json<Sales>, Failure> {
    let date = params
        .filled("date")
        .filter(|date| is_date(date))
        .ok_or_else(|| Failure::validation(NO_DATE))?;
    let request = patient_call(
        &caller,
        pb::SearchSalesRequest {
            date: date.to_owned(),
        },
    );
    let mut sales = gateway
        .fiches
        .clone()
        .search_sales(request)
        .await?
        .into_inner();
    for sale in &mut sales.fiches {
        hide_addresses(&gateway, &caller, sale);
    }
    let known = if params.get("includeStatus") == Some("false") || sales.fiches.is_empty() {
        None
    } else {
        let ids = sales.fiches.iter().map(|sale| sale.id.clone()).collect();
        Some(known(&gateway, &caller, ids, true).await?)
    };
    let with_status = params.get("includeStatus") != Some("false");
    let known = known.unwrap_or_default();
    let fiches = sales.fiches.into_iter().map(|sale| Sale {
        status: with_status.then(|| known.status(&sale.id)),
        sale,
    });
    Ok(Json(Sales {
        fiches: fiches.collect(),
        total: sales.total,
    }))
}

/// Links stand for addresses, where they are configured.
fn hide_addresses(gateway: &AppState, caller: &Caller, sale: &mut pb::SaleFiche) {
    let Some(recordings) = &gateway.recordings else {
        return;
    };
    // What is no JSON is shown to nobody.
    let mut calls = serde_json::from_str(&sale.recordings_json).unwrap_or(Value::Array(Vec::new()));
    let now = gateway.clock.now();
    recordings.links.within(caller, &mut calls, now);
    sale.recordings_json = calls.to_string();
}
