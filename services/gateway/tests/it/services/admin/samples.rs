use vigie_contracts::auth::v1 as pb;

pub(super) fn user(id: &str) -> pb::AdminUser {
    pb::AdminUser {
        id: id.to_owned(),
        email: "nora@vigie.test".to_owned(),
        status: "ACTIVE".to_owned(),
        roles: vec!["viewer".to_owned()],
        created_at: "2026-01-05T09:20:00.000Z".to_owned(),
        ..pb::AdminUser::default()
    }
}

pub(super) fn role(id: &str) -> pb::Role {
    pb::Role {
        id: id.to_owned(),
        key: "team-lead".to_owned(),
        permissions: vec!["audits".to_owned()],
        permission_grants: vec![pb::RoleGrant {
            key: "audits".to_owned(),
            read: true,
            write: true,
            scope: "GROUP".to_owned(),
        }],
        ..pb::Role::default()
    }
}

pub(super) fn team(id: &str, with_members: Option<pb::TeamMembers>) -> pb::Team {
    pb::Team {
        id: id.to_owned(),
        crm_group_id: "51".to_owned(),
        name: "EQUIPE LYON".to_owned(),
        membres_count: 1,
        with_members,
        ..pb::Team::default()
    }
}

pub(super) fn team_ref(id: &str) -> pb::TeamRef {
    pb::TeamRef {
        id: id.to_owned(),
        crm_group_id: "51".to_owned(),
        name: "EQUIPE LYON".to_owned(),
    }
}

pub(super) fn linked(id: &str) -> pb::LinkedUser {
    pb::LinkedUser {
        id: id.to_owned(),
        email: "nora@vigie.test".to_owned(),
        status: "ACTIVE".to_owned(),
        crm_user_id: None,
    }
}

pub(super) fn service_token() -> pb::ServiceToken {
    pb::ServiceToken {
        id: "3".to_owned(),
        name: "export".to_owned(),
        ..pb::ServiceToken::default()
    }
}
