//! An account for a person of the CRM (identity.md 2.3).

use super::super::announce::{self, Reason};
use super::super::call::{Admin, Call, LastAdminGuard};
use super::super::{AdminError, Directory, sync, views};
use super::{links, roles};
use crate::app::AppState;
use crate::domain::admin::{fields, grants};
use crate::domain::email::Email;
use crate::domain::session::UserStatus;
use crate::rpc::session::merged;
use crate::store::accounts::{self, Account, Linked, New};
use crate::store::teams::{self, Team};
use crate::store::users;
use secrecy::ExposeSecret;
use sqlx::PgConnection;
use vigie_bus::Tx;
use vigie_contracts::auth::v1 as pb;
use vigie_contracts::fiche::v1::CrmGroup;

/// The person to import.
struct Person {
    crm_user_id: String,
    email: Email,
    group: Option<CrmGroup>,
}

/// Creates an account for a CRM user, or links the one that is theirs.
#[tracing::instrument(name = "rpc.admin.import_crm_user", skip_all, err(level = "debug"))]
pub async fn import(
    state: &AppState,
    directory: &Directory,
    call: Call,
    request: pb::ImportCrmUserRequest,
) -> Result<pb::ImportCrmUserResponse, AdminError> {
    let crm_user_id = fields::filled("crm_user_id", &request.crm_user_id)?;
    let named = request.crm_group_id.as_deref();
    let group = named.map(|id| fields::filled("crm_group_id", id));
    let (group, keys) = (group.transpose()?, roles::parse(request.role_keys)?);
    let person = find(directory, crm_user_id, group.as_deref()).await?;

    let (mut tx, admin) = call.begin(state).await?;
    let default = [roles::DEFAULT.to_owned()];
    let wanted = roles::resolve(&mut tx, keys.as_deref().unwrap_or(&default)).await?;
    let guard = LastAdminGuard::before(&mut tx).await?;
    let existing = existing(&mut tx, &person).await?;
    let (id, before) = match existing {
        Some(user) => {
            let before = super::locked(&mut tx, user.id).await?;
            link(&mut tx, &before, &person, request.link_existing).await?;
            (user.id, Some(before))
        }
        None => (create(&mut tx, &person).await?, None),
    };
    let held = before.as_ref().map(|account| account.roles.as_slice());
    let mut reason = None;
    // An existing account keeps its roles unless new ones are named (W24).
    if held.is_none() || keys.is_some() {
        let held = held.unwrap_or_default();
        if roles::replace(&mut tx, &admin, id, held, &wanted).await? {
            reason = Some(Reason::Roles);
        }
    }
    guard.check(&mut tx).await?;
    let newly_linked = before
        .as_ref()
        .is_some_and(|account| account.crm_user_id.is_none());
    let team = match person.group {
        Some(group) => Some(join(&mut tx, id, group).await?),
        None => None,
    };
    let joined = team.as_ref().is_some_and(|(_, joined)| *joined);
    if reason.is_none() && (joined || newly_linked) {
        reason = Some(Reason::Teams);
    }
    if let Some(reason) = reason.filter(|_| before.is_some()) {
        announce::changed(&mut tx, &[id], reason).await?;
    }
    let invite = invite(&mut tx, &admin, id).await?;
    note(&mut tx, &admin, id, before.as_ref()).await?;
    let user = super::view(&mut tx, id).await?;
    tx.commit().await?;
    let team = team.map(|(team, _)| views::team_ref(&team));
    Ok(pb::ImportCrmUserResponse {
        user: Some(user),
        team: team.clone(),
        groupe: team,
        invite_token: invite,
    })
}

/// The person in the CRM, and their group: the named one if it exists, else the first with them.
async fn find(
    directory: &Directory,
    crm_user_id: String,
    group: Option<&str>,
) -> Result<Person, AdminError> {
    let users = directory.users().await?;
    let user = users.into_iter().find(|user| user.id == crm_user_id);
    let user = user.ok_or_else(|| AdminError::rule("crm_user_id", "Unknown CRM user id"))?;
    let email = user.email.as_deref().and_then(Email::parse);
    let email = email.ok_or_else(|| AdminError::rule("crm_user_id", "CRM user has no email"))?;
    let mut groups = directory.groups(true).await?;
    let named = groups
        .iter()
        .position(|candidate| Some(candidate.id.as_str()) == group);
    let place = named.or_else(|| {
        groups
            .iter()
            .position(|group| group.user_ids.contains(&crm_user_id))
    });
    Ok(Person {
        group: place.map(|place| groups.swap_remove(place)),
        crm_user_id,
        email,
    })
}

/// The account that is theirs: by e-mail, else by CRM id.
async fn existing(conn: &mut PgConnection, person: &Person) -> Result<Option<Linked>, AdminError> {
    let (id, email) = (&person.crm_user_id, person.email.as_str());
    let found = accounts::linked(conn, std::slice::from_ref(id), &[email.to_owned()]).await?;
    if found.len() > 1 {
        return Err(AdminError::rule(
            "crm_user_id",
            "CRM user is already linked to a different app user",
        ));
    }
    let found = found.into_iter().next();
    if let Some(user) = &found
        && user.crm_user_id.as_ref().is_some_and(|linked| linked != id)
    {
        return Err(AdminError::rule(
            "crm_user_id",
            "App user is already linked to a different CRM user",
        ));
    }
    Ok(found)
}

/// Links an account found by its e-mail, if the caller said so: a mail address in the CRM is no
/// proof of who owns an account here (W25). The login never changes.
async fn link(
    conn: &mut PgConnection,
    account: &Account,
    person: &Person,
    confirmed: bool,
) -> Result<(), AdminError> {
    if account.crm_user_id.is_none() {
        if grants::administers(&merged(users::grants(conn, account.id).await?)) {
            return Err(AdminError::Conflict(
                "Accounts with admin grants are not linked by email",
            ));
        }
        if !confirmed {
            return Err(AdminError::Conflict(
                "A user with this email already exists; set link_existing to link it",
            ));
        }
        accounts::set_crm_user(conn, account.id, Some(&person.crm_user_id)).await?;
    }
    if account.status == UserStatus::Invited && account.has_password {
        accounts::set_password(conn, account.id, None).await?;
    }
    Ok(())
}

async fn create(conn: &mut PgConnection, person: &Person) -> Result<i64, AdminError> {
    let new = New {
        email: person.email.as_str(),
        password_hash: None,
        status: UserStatus::Invited,
        crm_user_id: Some(&person.crm_user_id),
    };
    Ok(accounts::insert(conn, &new).await?)
}

/// Adds the account to the team of a group. Returns the team, and whether it was not in it.
async fn join(tx: &mut Tx, user: i64, group: CrmGroup) -> Result<(Team, bool), AdminError> {
    let wanted = sync::wanted(group);
    let (_, renamed) = teams::upsert(tx, std::slice::from_ref(&wanted)).await?;
    announce::changed(tx, &renamed, Reason::Teams).await?;
    let team = teams::of_group(tx, &wanted.crm_group_id).await?;
    let team = team.ok_or(AdminError::Inconsistent("team"))?;
    let joined = teams::add_member(tx, team.id, user, "crm").await?;
    Ok((team, joined))
}

/// An invite for whoever can accept one (W10).
async fn invite(
    conn: &mut PgConnection,
    admin: &Admin,
    user: i64,
) -> Result<Option<String>, AdminError> {
    if super::account(conn, user).await?.status != UserStatus::Invited {
        return Ok(None);
    }
    admin.may_take_over(conn, user).await?;
    let (token, _) = links::issue_invite(conn, user).await?;
    Ok(Some(token.expose_secret().to_owned()))
}

async fn note(
    conn: &mut PgConnection,
    admin: &Admin,
    user: i64,
    before: Option<&Account>,
) -> Result<(), AdminError> {
    let account = super::account(conn, user).await?;
    let action = if before.is_some() {
        "user.linked"
    } else {
        "user.imported"
    };
    let (target, after) = (super::target(&account), super::told(&account));
    admin
        .note(conn, action, target, before.map(super::told), Some(after))
        .await
}
