//! The sales of one day, live from the CRM (fiches.md 3.3). Writes nothing.

use super::error::ReadError;
use crate::app::AppState;
use crate::domain::day;
use crate::store;
use serde_json::Value;
use std::collections::HashSet;
use std::time::Duration;
use vigie_contracts::fiche::v1 as pb;
use vigie_identity::FicheScope;
use vigie_upstream::crm::{SaleFiche, UpstreamRecording};

/// Below the longest call of a server, so that the caller hears why.
const BUDGET: Duration = Duration::from_secs(110);

/// Lists the sales in scope. A list names no groupe, so the cache tells whose they are.
#[tracing::instrument(name = "rpc.fiche.search_sales", skip_all, err(level = "debug"))]
pub(super) async fn search_sales(
    state: &AppState,
    scope: &FicheScope,
    recording_urls: bool,
    request: &pb::SearchSalesRequest,
) -> Result<pb::SearchSalesResponse, ReadError> {
    let day = day::parse(&request.date).ok_or(ReadError::NO_DATE)?;
    let list = state.crm.within(BUDGET).sales(day, day).await?;
    let mut fiches = list.fiches;
    let mut total = list.total;
    if !scope.all() {
        let ids: Vec<String> = fiches.iter().map(|fiche| fiche.id.clone()).collect();
        let mut conn = state.db.acquire().await?;
        let visible = store::list::visible(&mut conn, &ids, scope).await?;
        let visible: HashSet<String> = visible.into_iter().collect();
        fiches.retain(|fiche| visible.contains(&fiche.id));
        total = fiches.len() as u64;
    }
    let encode = |fiche| encode(fiche, recording_urls);
    Ok(pb::SearchSalesResponse {
        fiches: fiches.into_iter().map(encode).collect::<Result<_, _>>()?,
        total: i32::try_from(total).unwrap_or(i32::MAX),
    })
}

fn encode(fiche: SaleFiche, recording_urls: bool) -> Result<pb::SaleFiche, ReadError> {
    let recordings: Result<Value, _> = fiche
        .recordings
        .iter()
        .map(|recording| recording_view(recording, recording_urls))
        .collect();
    let recordings = recordings.map_err(|error| ReadError::Inconsistent(error.to_string()))?;
    Ok(pb::SaleFiche {
        id: fiche.id,
        cle: fiche.cle,
        nom: fiche.nom,
        prenom: fiche.prenom,
        telephone: fiche.telephone,
        telephone_2: fiche.telephone_2,
        email: fiche.email,
        statut: fiche.statut,
        date_insertion: fiche.date_insertion,
        date_modification: fiche.date_modification,
        recordings_json: recordings.to_string(),
    })
}

/// A recording with the keys of the CRM.
fn recording_view(recording: &UpstreamRecording, urls: bool) -> serde_json::Result<Value> {
    let mut view = serde_json::to_value(recording)?;
    if let Some(fields) = view.as_object_mut() {
        if recording.uuid.is_none() {
            fields.remove("uuid");
        }
        if !urls {
            fields.remove("recording_url");
        }
    }
    Ok(view)
}
