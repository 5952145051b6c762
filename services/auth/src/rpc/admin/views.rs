//! Rows as the contract shows them.

use crate::domain::admin::grants::NamedGrant;
use crate::domain::admin::status;
use crate::store::accounts::{Account, Linked};
use crate::store::roles::{Role, RoleGrant};
use crate::store::service_tokens::ServiceToken;
use crate::store::teams::{Change, Member, Team};
use crate::store::trail;
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::Value;
use vigie_contracts::auth::v1 as pb;

/// A moment: ISO 8601, UTC, milliseconds.
pub fn moment(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// How many rows a list has.
pub fn count<T>(rows: &[T]) -> i64 {
    i64::try_from(rows.len()).unwrap_or(i64::MAX)
}

pub fn user(account: Account) -> pb::AdminUser {
    let teams = account.teams.0.into_iter().map(|team| pb::TeamRef {
        id: team.id.to_string(),
        crm_group_id: team.crm_group_id,
        name: team.name,
    });
    pb::AdminUser {
        id: account.id.to_string(),
        email: account.email,
        status: status::name(account.status).to_owned(),
        roles: account.roles,
        crm_user_id: account.crm_user_id,
        teams: teams.collect(),
        last_login_at: account.last_login_at.map(moment),
        created_at: moment(account.created_at),
    }
}

pub fn linked(user: Linked) -> pb::LinkedUser {
    pb::LinkedUser {
        id: user.id.to_string(),
        email: user.email,
        status: status::name(user.status).to_owned(),
        crm_user_id: user.crm_user_id,
    }
}

/// A role with those of the grants that are its own.
pub fn role(role: Role, grants: &[RoleGrant]) -> pb::Role {
    let own: Vec<_> = grants
        .iter()
        .filter(|grant| grant.role_id == role.id)
        .map(|grant| pb::RoleGrant {
            key: grant.key.clone(),
            read: grant.can_read,
            write: grant.can_write,
            scope: grant.scope.clone(),
        })
        .collect();
    pb::Role {
        id: role.id.to_string(),
        key: role.key,
        name: role.name,
        description: role.description,
        permissions: own.iter().map(|grant| grant.key.clone()).collect(),
        permission_grants: own,
    }
}

pub fn team(team: Team) -> pb::Team {
    pb::Team {
        id: team.id.to_string(),
        crm_group_id: team.crm_group_id,
        name: team.name,
        responsable_1: team.responsable_1,
        responsable_2: team.responsable_2,
        responsable_3: team.responsable_3,
        membres_count: team.members,
        with_members: None,
    }
}

pub fn team_ref(team: &Team) -> pb::TeamRef {
    pb::TeamRef {
        id: team.id.to_string(),
        crm_group_id: team.crm_group_id.clone(),
        name: team.name.clone(),
    }
}

/// Those of the members that are in a team.
pub fn members(team: i64, members: &[Member]) -> pb::TeamMembers {
    let own = || members.iter().filter(|member| member.team_id == team);
    let member = |member: &Member| pb::TeamMember {
        user_id: member.user_id.to_string(),
        email: member.email.clone(),
        status: status::name(member.status).to_owned(),
        crm_user_id: member.crm_user_id.clone(),
    };
    pb::TeamMembers {
        members: own().map(member).collect(),
        user_ids: own()
            .filter_map(|member| member.crm_user_id.clone())
            .collect(),
    }
}

pub fn change(kind: &str, change: Change) -> pb::MembershipChange {
    pb::MembershipChange {
        change: kind.to_owned(),
        crm_group_id: change.crm_group_id,
        team: change.team,
        user_id: change.user_id.to_string(),
        email: change.email,
    }
}

pub fn service_token(token: ServiceToken) -> pb::ServiceToken {
    pb::ServiceToken {
        id: token.id.to_string(),
        name: token.name,
        permission_grants: token.permission_grants.0.into_iter().map(grant).collect(),
        expires_at: token.expires_at.map(moment),
        last_used_at: token.last_used_at.map(moment),
        revoked_at: token.revoked_at.map(moment),
        created_at: moment(token.created_at),
    }
}

pub fn grant(grant: NamedGrant) -> pb::RoleGrant {
    pb::RoleGrant {
        key: grant.key,
        read: grant.read,
        write: grant.write,
        scope: grant.scope,
    }
}

pub fn audit_event(row: trail::Row) -> pb::AuditEvent {
    let json = |value: Option<Value>| value.map(|value| value.to_string()).unwrap_or_default();
    pb::AuditEvent {
        id: row.id.to_string(),
        at: moment(row.at),
        actor: Some(pb::AuditActor {
            r#type: row.actor_type,
            id: row.actor_id,
            name: row.actor_name,
        }),
        action: row.action,
        target: Some(pb::AuditTarget {
            r#type: row.target_type,
            id: row.target_id,
            name: row.target_name,
        }),
        before_json: json(row.before),
        after_json: json(row.after),
        ip: row.ip,
        request_id: row.request_id,
    }
}
