//! `GroupByFiches` (`audits.md` 6.4).

use crate::app::AppState;
use crate::domain::filters::Filters;
use crate::domain::time::iso;
use crate::rpc::ListAuditsError;
use crate::rpc::encode::{self, FicheShown};
use crate::rpc::list::pagination;
use crate::store::list::{self, FicheRow, ListedAudit};
use std::collections::HashMap;
use tonic::Status;
use vigie_contracts::audit::v1 as pb;
use vigie_identity::{Caller, FicheScope, Guard};
use vigie_service::status;

const GUARD: Guard = Guard::parse("audits.read");

/// A page of fiches with their audits in the caller's scope.
pub async fn group_by_fiches(
    state: &AppState,
    caller: &Caller,
    request: &pb::GroupByFichesRequest,
) -> Result<pb::GroupByFichesResponse, Status> {
    let scope = caller.require(GUARD)?;
    page(state, &scope, &request.filters).await.map_err(status)
}

async fn page(
    state: &AppState,
    scope: &FicheScope,
    query: &HashMap<String, String>,
) -> Result<pb::GroupByFichesResponse, ListAuditsError> {
    let filters = Filters::parse(query)?;
    let mut conn = state.db.acquire().await?;
    let mut page = list::by_fiches(&mut conn, &filters, scope).await?;
    let fiches = page.fiches.into_iter().map(|(id, audits)| {
        let known = page.known.remove(&id);
        pb::FicheWithAudits {
            summary: Some(summary(&audits)),
            fiche: Some(fiche(id, known)),
            audits: audits
                .into_iter()
                .map(|row| encode::audit(row, FicheShown::None))
                .collect(),
        }
    });
    Ok(pb::GroupByFichesResponse {
        fiches: fiches.collect(),
        pagination: Some(pagination(page.total, filters.limit, filters.offset)),
    })
}

fn fiche(fiche_id: String, row: Option<FicheRow>) -> pb::FicheOfAudits {
    let Some(row) = row else {
        return pb::FicheOfAudits {
            fiche_id,
            ..pb::FicheOfAudits::default()
        };
    };
    pb::FicheOfAudits {
        id: row.fiche_cache_id.map(|id| id.to_string()),
        fiche_id,
        groupe: row.groupe,
        agence_nom: row.agence_nom,
        prospect_nom: row.prospect_nom,
        prospect_prenom: row.prospect_prenom,
        prospect_email: row.prospect_email,
        prospect_tel: row.prospect_tel,
        has_recordings: Some(row.has_recordings),
        recordings_count: row.recordings_count,
        fetched_at: row.fetched_at.map(iso),
        created_at: Some(iso(row.created_at)),
        updated_at: Some(iso(row.updated_at)),
    }
}

fn summary(audits: &[ListedAudit]) -> pb::AuditsSummary {
    let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    let scores = audits
        .iter()
        .filter_map(|audit| audit.score_percentage.parse::<f64>().ok());
    let (sum, count) = scores.fold((0.0, 0.0), |(sum, count), score| (sum + score, count + 1.0));
    pb::AuditsSummary {
        total_audits: number(audits.len()),
        compliant_count: number(audits.iter().filter(|audit| audit.is_compliant).count()),
        average_score: if count > 0.0 { sum / count } else { 0.0 },
        latest_audit_date: audits.iter().map(|audit| audit.created_at).max().map(iso),
    }
}
