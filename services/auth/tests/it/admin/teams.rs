use super::office::{Office, ask, assert_invalid, assert_refused};
use anyhow::Result;
use serde_json::json;
use vigie_contracts::auth::v1 as pb;
use vigie_service::ErrorCode;

fn team(group: &str, name: &str) -> pb::UpsertTeamRequest {
    pb::UpsertTeamRequest {
        crm_group_id: group.to_owned(),
        name: name.to_owned(),
        ..pb::UpsertTeamRequest::default()
    }
}

fn rename(id: &str, name: &str) -> pb::UpdateTeamRequest {
    pb::UpdateTeamRequest {
        team_id: id.to_owned(),
        name: Some(name.to_owned()),
        ..pb::UpdateTeamRequest::default()
    }
}

async fn create(office: &Office, group: &str, name: &str) -> Result<String> {
    let answer = ask!(office, &office.admin, upsert_team, team(group, name))?;
    assert!(answer.created);
    Ok(answer.team.expect("a team").id)
}

async fn join(office: &Office, team: &str, user: &str) -> Result<pb::AddTeamMemberResponse> {
    let request = pb::AddTeamMemberRequest {
        team_id: team.to_owned(),
        user_id: user.to_owned(),
    };
    Ok(ask!(office, &office.admin, add_team_member, request)?)
}

async fn names(office: &Office, email: &str) -> Result<Vec<String>> {
    let session = office.app.login_as(email, super::office::PHRASE).await?;
    let claims = session.access_token.split('.').nth(1).expect("claims");
    let claims = base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, claims)?;
    let claims: serde_json::Value = serde_json::from_slice(&claims)?;
    Ok(serde_json::from_value(claims["groupe_names"].clone())?)
}

#[tokio::test]
async fn a_team_is_upserted_by_its_group() -> Result<()> {
    let office = Office::open().await?;
    let who = &office.admin;
    let request = pb::UpsertTeamRequest {
        responsable_1: Some("731".to_owned()),
        ..team("51", " EQUIPE LYON ")
    };
    let first = ask!(office, who, upsert_team, request)?;
    let id = first.team.clone().expect("a team").id;
    assert_eq!(
        serde_json::to_value(&first)?,
        json!({"team": {"id": id, "crm_group_id": "51", "name": "EQUIPE LYON", "responsable_1": "731",
            "responsable_2": null, "responsable_3": null, "membres_count": 0}})
    );
    // An omitted head is reset.
    let second = ask!(office, who, upsert_team, team("51", "EQUIPE LYON"))?;
    assert!(!second.created);
    assert_eq!(second.team.expect("a team").responsable_1, None);
    let refused = ask!(office, who, upsert_team, team("", "x"));
    assert_invalid(refused, "crm_group_id must have 1 to 80 characters");
    Ok(())
}

#[tokio::test]
async fn teams_are_listed_with_their_members_when_asked() -> Result<()> {
    let office = Office::open().await?;
    let lyon = create(&office, "51", "EQUIPE LYON").await?;
    create(&office, "31", "EQUIPE NORD").await?;
    let user = office.user("claire@demo.test", &[]).await?;
    join(&office, &lyon, &user).await?;
    let link = pb::UpdateUserRequest {
        user_id: user.clone(),
        crm_user_id: Some(pb::NullableText {
            value: Some("731".to_owned()),
        }),
        ..pb::UpdateUserRequest::default()
    };
    ask!(office, &office.admin, update_user, link)?;
    for include_users in [true, false] {
        let request = pb::ListTeamsRequest { include_users };
        let listed = ask!(office, &office.admin, list_teams, request)?;
        let json = serde_json::to_value(&listed)?;
        assert_eq!(json["count"], 2);
        assert_eq!(json["teams"][1]["name"], "EQUIPE NORD");
        assert_eq!(json["teams"][0]["membres_count"], 1);
        if include_users {
            let member = json!({"user_id": user, "email": "claire@demo.test", "status": "ACTIVE",
                                "crm_user_id": "731"});
            assert_eq!(json["teams"][0]["members"], json!([member]));
            assert_eq!(json["teams"][0]["user_ids"], json!(["731"]));
            assert_eq!(json["teams"][1]["user_ids"], json!([]));
        } else {
            assert!(json["teams"][0].get("members").is_none());
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_rename_keeps_the_former_name_unless_another_team_has_it() -> Result<()> {
    let office = Office::open().await?;
    let who = &office.admin;
    let lyon = create(&office, "51", "LYON").await?;
    let nord = create(&office, "31", "NORD").await?;
    let user = office.user("claire@demo.test", &[]).await?;
    join(&office, &lyon, &user).await?;

    ask!(office, who, update_team, rename(&lyon, "LYON 2"))?;
    assert_eq!(
        names(&office, "claire@demo.test").await?,
        ["LYON", "LYON 2"]
    );
    assert_eq!(
        office.one::<i64>("SELECT max(version) FROM users").await?,
        3
    );

    // Two teams of one name: the first to leave it takes it not along.
    ask!(office, who, update_team, rename(&nord, "LYON 2"))?;
    ask!(office, who, update_team, rename(&lyon, "LYON 3"))?;
    assert_eq!(
        names(&office, "claire@demo.test").await?,
        ["LYON", "LYON 3"]
    );

    // A team that takes a former name takes the alias away.
    ask!(office, who, update_team, rename(&nord, "LYON"))?;
    assert_eq!(names(&office, "claire@demo.test").await?, ["LYON 3"]);
    // And back again: the own former name is no alias of itself.
    ask!(office, who, update_team, rename(&lyon, "LYON 4"))?;
    ask!(office, who, update_team, rename(&lyon, "LYON 3"))?;
    assert_eq!(
        names(&office, "claire@demo.test").await?,
        ["LYON 3", "LYON 4"]
    );
    Ok(())
}

#[tokio::test]
async fn patches_name_something_and_null_clears() -> Result<()> {
    let office = Office::open().await?;
    let who = &office.admin;
    let id = create(&office, "51", "LYON").await?;
    for head in [Some("731".to_owned()), None] {
        let request = pb::UpdateTeamRequest {
            team_id: id.clone(),
            responsable_2: Some(pb::NullableText {
                value: head.clone(),
            }),
            ..pb::UpdateTeamRequest::default()
        };
        let team = ask!(office, who, update_team, request)?
            .team
            .expect("a team");
        assert_eq!(team.responsable_2, head);
        assert_eq!(team.name, "LYON");
    }
    let nothing = pb::UpdateTeamRequest {
        team_id: id,
        ..pb::UpdateTeamRequest::default()
    };
    assert_invalid(
        ask!(office, who, update_team, nothing),
        "At least one of name, responsable_1, responsable_2, responsable_3 is required",
    );
    assert_refused(
        ask!(office, who, update_team, rename("9999", "x")),
        ErrorCode::NotFound,
        "Team with ID '9999' not found",
    );
    assert_invalid(
        ask!(office, who, update_team, rename("x", "x")),
        "Invalid team id",
    );
    Ok(())
}

#[tokio::test]
async fn members_come_and_go_as_often_as_one_likes() -> Result<()> {
    let office = Office::open().await?;
    let who = &office.admin;
    let id = create(&office, "51", "LYON").await?;
    let user = office.user("claire@demo.test", &[]).await?;
    for _ in 0..2 {
        let answer = join(&office, &id, &user).await?;
        assert_eq!(
            serde_json::to_value(&answer)?,
            json!({"added": true, "team": {"id": id, "crm_group_id": "51", "name": "LYON"},
                "user": {"id": user, "email": "claire@demo.test", "status": "ACTIVE", "crm_user_id": null}})
        );
    }
    let version = "SELECT version FROM users WHERE email = 'claire@demo.test'";
    assert_eq!(office.one::<i64>(version).await?, 2);
    let remove = |team: &str, user: &str| pb::RemoveTeamMemberRequest {
        team_id: team.to_owned(),
        user_id: user.to_owned(),
    };
    for (team, user) in [(&*id, &*user), (&id, &user), ("9999", "9999")] {
        assert!(ask!(office, who, remove_team_member, remove(team, user))?.removed);
    }
    assert_eq!(office.one::<i64>(version).await?, 3);
    assert_invalid(
        ask!(office, who, remove_team_member, remove("1", "x")),
        "Invalid user id",
    );

    // The team is looked for first, then the user.
    let add = |team: &str, user: &str| pb::AddTeamMemberRequest {
        team_id: team.to_owned(),
        user_id: user.to_owned(),
    };
    assert_refused(
        ask!(office, who, add_team_member, add("9999", "9999")),
        ErrorCode::NotFound,
        "Team with ID '9999' not found",
    );
    assert_refused(
        ask!(office, who, add_team_member, add(&id, "9999")),
        ErrorCode::NotFound,
        "User with ID '9999' not found",
    );
    assert_invalid(
        ask!(office, who, add_team_member, add(&id, "")),
        "Invalid user id",
    );
    Ok(())
}

#[tokio::test]
async fn a_team_with_members_is_deleted_by_force_only() -> Result<()> {
    let office = Office::open().await?;
    let who = &office.admin;
    let id = create(&office, "51", "LYON").await?;
    let user = office.user("claire@demo.test", &[]).await?;
    join(&office, &id, &user).await?;
    let delete = |force| pb::DeleteTeamRequest {
        team_id: id.clone(),
        force,
    };
    assert_invalid(
        ask!(office, who, delete_team, delete(false)),
        "Team has members; remove members first or pass ?force=true",
    );
    let deleted = ask!(office, who, delete_team, delete(true))?;
    assert_eq!(
        serde_json::to_value(&deleted)?,
        json!({"deleted": true, "team": {"id": id, "crm_group_id": "51", "name": "LYON"}})
    );
    assert_eq!(
        office.one::<i64>("SELECT count(*) FROM user_teams").await?,
        0
    );
    let version = "SELECT version FROM users WHERE email = 'claire@demo.test'";
    assert_eq!(office.one::<i64>(version).await?, 3);
    assert_refused(
        ask!(office, who, delete_team, delete(true)),
        ErrorCode::NotFound,
        &format!("Team with ID '{id}' not found"),
    );
    Ok(())
}
