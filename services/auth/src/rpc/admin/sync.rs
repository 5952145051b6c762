//! Teams as the CRM has them, in one transaction (W26).

use super::announce::{self, Reason};
use super::call::Call;
use super::{AdminError, Directory, views};
use crate::app::AppState;
use crate::store::teams::{self, Change, Wanted};
use crate::store::trail::Target;
use serde_json::json;
use std::collections::HashSet;
use vigie_contracts::auth::v1 as pb;
use vigie_contracts::fiche::v1::CrmGroup;

/// What a group's team should be.
pub fn wanted(group: CrmGroup) -> Wanted {
    let name = match group.nom.trim() {
        "" => format!("CRM Group {}", group.id),
        name => name.to_owned(),
    };
    Wanted {
        crm_group_id: group.id,
        name,
        responsable_1: group.responsable_1,
        responsable_2: group.responsable_2,
        responsable_3: group.responsable_3,
    }
}

/// Brings teams, and where asked for their members, in line with the CRM.
#[tracing::instrument(name = "rpc.admin.sync_teams", skip_all, err(level = "debug"))]
pub async fn sync(
    state: &AppState,
    directory: &Directory,
    call: Call,
    request: pb::SyncTeamsRequest,
) -> Result<pb::SyncTeamsResponse, AdminError> {
    let mut groups = directory.groups(true).await?;
    let mut seen = HashSet::new();
    groups.retain(|group| !group.id.trim().is_empty() && seen.insert(group.id.clone()));
    let (ids, members) = pairs(&groups);
    // A directory without any member says more about the CRM than about the teams.
    let prune = request.prune && !members.is_empty();
    let wanted: Vec<_> = groups.into_iter().map(wanted).collect();

    let (mut tx, admin) = call.begin(state).await?;
    let (upserted, mut affected) = teams::upsert(&mut tx, &wanted).await?;
    let (mut added, mut removed) = (Vec::new(), Vec::new());
    if prune {
        removed = teams::prune_crm_members(&mut tx, &ids, &members).await?;
    }
    if request.sync_members {
        added = teams::add_crm_members(&mut tx, &ids, &members).await?;
    }
    let mut answer = pb::SyncTeamsResponse {
        synced: true,
        teams_upserted: views::count(&upserted),
        members_added: views::count(&added),
        members_removed: views::count(&removed),
        dry_run: request.dry_run,
        changes: Vec::new(),
        note: note(request, prune).to_owned(),
    };
    if request.dry_run {
        tx.rollback().await?;
        answer.changes = changes(added, removed);
        return Ok(answer);
    }
    affected.extend(added.iter().chain(&removed).map(|change| change.user_id));
    affected.sort_unstable();
    affected.dedup();
    announce::changed(&mut tx, &affected, Reason::Teams).await?;
    let created = upserted.iter().filter(|team| team.created).count();
    let after = json!({
        "teams_upserted": answer.teams_upserted,
        "teams_created": created,
        "members_added": told(&added),
        "members_removed": told(&removed),
    });
    let target = Target::many("teams");
    admin
        .note(&mut tx, "teams.synced", target, None, Some(after))
        .await?;
    tx.commit().await?;
    Ok(answer)
}

/// Every group beside each of its members.
fn pairs(groups: &[CrmGroup]) -> (Vec<String>, Vec<String>) {
    let pairs = groups.iter().flat_map(|group| {
        let members = group.user_ids.iter();
        members.map(|user| (group.id.clone(), user.clone()))
    });
    pairs.unzip()
}

fn changes(added: Vec<Change>, removed: Vec<Change>) -> Vec<pb::MembershipChange> {
    let removed = removed
        .into_iter()
        .map(|change| views::change("removed", change));
    added
        .into_iter()
        .map(|change| views::change("added", change))
        .chain(removed)
        .collect()
}

fn told(changes: &[Change]) -> Vec<serde_json::Value> {
    let one = |change: &Change| json!({ "user_id": change.user_id.to_string(), "crm_group_id": change.crm_group_id });
    changes.iter().map(one).collect()
}

const fn note(request: pb::SyncTeamsRequest, prune: bool) -> &'static str {
    if request.dry_run {
        "Dry run: nothing was changed."
    } else if request.prune && !prune {
        "The CRM names no members: nothing was removed."
    } else if prune {
        "Memberships made by a sync that the CRM no longer names were removed."
    } else if request.sync_members {
        "Missing memberships were added; none were removed."
    } else {
        "Teams only; pass sync_members=true to add members."
    }
}
