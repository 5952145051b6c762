//! What other services list and scope by.

use super::error::ReadError;
use crate::app::AppState;
use crate::domain::details::NewDetails;
use crate::domain::recording::iso;
use crate::domain::summary::Summary;
use crate::store;
use crate::store::fiche::Scoped;
use futures::StreamExt;
use futures::stream;
use std::collections::HashMap;
use std::time::Duration;
use vigie_contracts::fiche::v1 as pb;
use vigie_events::ids::FicheId;
use vigie_identity::{FicheScope, Guard};
use vigie_upstream::crm::FicheOptions;

/// Permissions whose scope may decide, with their read and write guards.
const PERMISSIONS: [(&str, Guard, Guard); 6] = [
    (
        "fiches",
        Guard::parse("fiches.read"),
        Guard::parse("fiches.write"),
    ),
    (
        "recordings",
        Guard::parse("recordings.read"),
        Guard::parse("recordings.write"),
    ),
    (
        "transcriptions",
        Guard::parse("transcriptions.read"),
        Guard::parse("transcriptions.write"),
    ),
    (
        "audits",
        Guard::parse("audits.read"),
        Guard::parse("audits.write"),
    ),
    (
        "automation",
        Guard::parse("automation.read"),
        Guard::parse("automation.write"),
    ),
    (
        "chat",
        Guard::parse("chat.read"),
        Guard::parse("chat.write"),
    ),
];
const MOST_FICHES: usize = 5_000;
const LOOK_UP_BUDGET: Duration = Duration::from_secs(60);
const LOOK_UPS_AT_ONCE: usize = 4;

/// What the caller has to hold.
pub(super) fn guard(request: &pb::GetSummariesRequest) -> Result<Guard, ReadError> {
    let found = PERMISSIONS
        .iter()
        .find(|(name, ..)| *name == request.permission);
    let (_, read, write) = found.ok_or(ReadError::Invalid {
        path: "permission",
        message: "unknown permission",
    })?;
    Ok(if request.write { *write } else { *read })
}

/// Fiches in scope in the order asked, and the known ones out of it. Unknown ones are in neither list.
#[tracing::instrument(name = "rpc.fiche.get_summaries", skip_all, fields(fiches = request.fiche_ids.len()), err(level = "debug"))]
pub(super) async fn get_summaries(
    state: &AppState,
    scope: &FicheScope,
    request: pb::GetSummariesRequest,
) -> Result<pb::GetSummariesResponse, ReadError> {
    if request.fiche_ids.len() > MOST_FICHES {
        return Err(ReadError::Invalid {
            path: "fiche_ids",
            message: "too many fiches",
        });
    }
    let mut conn = state.db.acquire().await?;
    let known = match request.fiche_ids.as_slice() {
        [one] => Vec::from_iter(store::fiche::scoped(&mut conn, one, scope).await?),
        ids => store::fiche::summaries(&mut conn, ids, scope).await?,
    };
    // Look-ups take long: not with a connection in hand.
    drop(conn);
    let mut answers: HashMap<String, Answer> = known
        .into_iter()
        .map(|found| (found.summary.fiche_id.to_string(), Answer::of(found)))
        .collect();
    // With everything in scope there is nothing to decide.
    if request.look_up && !scope.all() {
        let undecided: Vec<FicheId> = request
            .fiche_ids
            .iter()
            .filter(|id| answers.get(*id).is_none_or(|it| !it.has_owner))
            .filter_map(|id| id.parse().ok())
            .collect();
        for (fiche, answer) in look_up(state, scope, undecided).await {
            answers.insert(fiche.to_string(), answer);
        }
    }
    let mut response = pb::GetSummariesResponse::default();
    for id in request.fiche_ids {
        match answers.remove(&id) {
            Some(answer) if answer.in_scope => response.fiches.push(answer.summary),
            Some(_) => response.refused.push(id),
            None => {}
        }
    }
    Ok(response)
}

struct Answer {
    summary: pb::FicheSummary,
    in_scope: bool,
    has_owner: bool,
}

impl Answer {
    fn of(found: Scoped) -> Self {
        let summary = found.summary;
        Self {
            in_scope: found.in_scope,
            has_owner: summary.groupe.is_some() || summary.attribution_user_id.is_some(),
            summary: encode(summary),
        }
    }
}

/// Asks the CRM whose the fiches are; one that it does not tell about stays undecided.
async fn look_up(
    state: &AppState,
    scope: &FicheScope,
    fiches: Vec<FicheId>,
) -> Vec<(FicheId, Answer)> {
    let options = FicheOptions {
        include_recordings: false,
        include_mail_devis: false,
    };
    let crm = &state.crm.within(LOOK_UP_BUDGET);
    let ask = |fiche: FicheId| async move {
        // The client has logged why it failed.
        let details = crm.fiche(fiche.as_str(), options).await.ok()?;
        let new = NewDetails::of(fiche.clone(), details).ok()?;
        let attribution = new.attribution_user_id.as_deref();
        let in_scope = scope.allows(new.groupe.as_deref(), attribution);
        let has_owner = new.groupe.is_some() || attribution.is_some();
        let summary = encode_look_up(new);
        Some((
            fiche,
            Answer {
                summary,
                in_scope,
                has_owner,
            },
        ))
    };
    let answers = stream::iter(fiches)
        .map(ask)
        .buffer_unordered(LOOK_UPS_AT_ONCE);
    answers.filter_map(std::future::ready).collect().await
}

pub(super) fn encode(summary: Summary) -> pb::FicheSummary {
    pb::FicheSummary {
        fiche_id: summary.fiche_id.to_string(),
        fiche_cache_id: Some(summary.id.to_string()),
        version: summary.version,
        groupe: summary.groupe,
        agence_nom: summary.agence_nom,
        attribution_user_id: summary.attribution_user_id,
        prospect_nom: summary.prospect_nom,
        prospect_prenom: summary.prospect_prenom,
        prospect_email: summary.prospect_email,
        prospect_tel: summary.prospect_tel,
        sales_date: summary.sales_date.map(|day| day.to_string()),
        has_recordings: summary.has_recordings,
        recordings_count: summary.recordings_count,
        fetched_at: summary.fetched_at.map(iso),
        last_revalidated_at: summary.last_revalidated_at.map(iso),
        expires_at: summary.expires_at.map(iso),
    }
}

/// Without row, version and recordings: nothing was stored.
fn encode_look_up(new: NewDetails) -> pb::FicheSummary {
    pb::FicheSummary {
        fiche_id: new.fiche_id.to_string(),
        fiche_cache_id: None,
        version: 0,
        groupe: new.groupe,
        agence_nom: new.agence_nom,
        attribution_user_id: new.attribution_user_id,
        prospect_nom: new.prospect_nom,
        prospect_prenom: new.prospect_prenom,
        prospect_email: new.prospect_email,
        prospect_tel: new.prospect_tel,
        sales_date: new.inserted_on.map(|day| day.to_string()),
        has_recordings: false,
        recordings_count: None,
        fetched_at: None,
        last_revalidated_at: None,
        expires_at: None,
    }
}
