use super::office::{Office, ask, assert_invalid, assert_refused, texts};
use anyhow::Result;
use serde_json::json;
use vigie_contracts::auth::v1 as pb;
use vigie_service::ErrorCode;

fn import(crm: &str) -> pb::ImportCrmUserRequest {
    pb::ImportCrmUserRequest {
        crm_user_id: crm.to_owned(),
        ..pb::ImportCrmUserRequest::default()
    }
}

async fn office() -> Result<Office> {
    let office = Office::open().await?;
    office.directory.users(&[
        ("742", " Yanis@Demo.test "),
        ("743", ""),
        ("744", "claire@demo.test"),
    ]);
    office
        .directory
        .groups(&[("50", "NORD", &[]), ("51", "LYON", &["742"])]);
    Ok(office)
}

#[tokio::test]
async fn a_new_person_is_invited_into_their_team() -> Result<()> {
    let office = office().await?;
    let answer = ask!(office, &office.admin, import_crm_user, import("742"))?;
    let mut json = serde_json::to_value(&answer)?;
    let token = json["invite_token"].take();
    assert_eq!(token.as_str().map(str::len), Some(64));
    assert_eq!(json["user"]["email"], "yanis@demo.test");
    assert_eq!(json["user"]["status"], "INVITED");
    assert_eq!(json["user"]["roles"], json!(["viewer"]));
    assert_eq!(json["user"]["crm_user_id"], "742");
    assert_eq!(json["team"]["name"], "LYON");
    assert_eq!(json["team"], json["groupe"]);
    let source = office
        .many::<String>("SELECT source FROM user_teams")
        .await?;
    assert_eq!(source, ["crm"]);

    // Again: the same person, a new invite in place of the first.
    let again = ask!(office, &office.admin, import_crm_user, import("742"))?;
    assert_ne!(again.invite_token.as_deref(), token.as_str());
    let live = "SELECT count(*) FROM user_invite_tokens WHERE used_at IS NULL";
    assert_eq!(office.one::<i64>(live).await?, 1);
    Ok(())
}

#[tokio::test]
async fn a_named_group_goes_first_and_an_unknown_one_is_no_error() -> Result<()> {
    let office = office().await?;
    for (group, name) in [("50", "NORD"), ("99", "LYON")] {
        let request = pb::ImportCrmUserRequest {
            crm_group_id: Some(group.to_owned()),
            ..import("742")
        };
        let answer = ask!(office, &office.admin, import_crm_user, request)?;
        assert_eq!(answer.team.expect("a team").name, name);
    }
    // In none: no team.
    office.directory.groups(&[]);
    let answer = ask!(office, &office.admin, import_crm_user, import("742"))?;
    assert!(answer.team.is_none() && answer.groupe.is_none());
    assert_eq!(answer.user.expect("a user").teams.len(), 2);
    Ok(())
}

#[tokio::test]
async fn who_cannot_be_imported_is_refused() -> Result<()> {
    let office = office().await?;
    let who = &office.admin;
    for (crm, sentence) in [
        ("9", "Unknown CRM user id"),
        ("743", "CRM user has no email"),
        (" ", "crm_user_id must not be blank"),
    ] {
        assert_invalid(ask!(office, who, import_crm_user, import(crm)), sentence);
    }
    let request = pb::ImportCrmUserRequest {
        role_keys: Some(texts(&["nobody"])),
        ..import("742")
    };
    assert_invalid(
        ask!(office, who, import_crm_user, request),
        "Unknown role key(s)",
    );
    assert_eq!(office.one::<i64>("SELECT count(*) FROM users").await?, 1);
    Ok(())
}

#[tokio::test]
async fn an_account_with_the_same_email_is_linked_only_when_confirmed() -> Result<()> {
    let office = office().await?;
    let who = &office.admin;
    office.user("claire@demo.test", &["operator"]).await?;
    assert_refused(
        ask!(office, who, import_crm_user, import("744")),
        ErrorCode::Conflict,
        "A user with this email already exists; set link_existing to link it",
    );
    let confirmed = pb::ImportCrmUserRequest {
        link_existing: true,
        ..import("744")
    };
    let linked = ask!(office, who, import_crm_user, confirmed)?;
    let user = linked.user.expect("a user");
    // W24: an existing user keeps its roles; it has a password, so there is no invite.
    assert_eq!(user.roles, ["operator"]);
    assert_eq!((linked.invite_token, &*user.status), (None, "ACTIVE"));

    // W25: the CRM changes its mail address, the login stays.
    office.directory.users(&[("744", "elsewhere@demo.test")]);
    let again = ask!(office, who, import_crm_user, import("744"))?;
    assert_eq!(again.user.expect("a user").email, "claire@demo.test");

    let stated = pb::ImportCrmUserRequest {
        role_keys: Some(texts(&["viewer"])),
        ..import("744")
    };
    let stated = ask!(office, who, import_crm_user, stated)?;
    assert_eq!(stated.user.expect("a user").roles, ["viewer"]);
    Ok(())
}

#[tokio::test]
async fn administrators_are_never_linked_by_their_email() -> Result<()> {
    let office = office().await?;
    office.directory.users(&[("745", crate::support::EMAIL)]);
    let request = pb::ImportCrmUserRequest {
        link_existing: true,
        ..import("745")
    };
    assert_refused(
        ask!(office, &office.admin, import_crm_user, request),
        ErrorCode::Conflict,
        "Accounts with admin grants are not linked by email",
    );
    Ok(())
}

#[tokio::test]
async fn one_person_is_not_two_users() -> Result<()> {
    let office = office().await?;
    let who = &office.admin;
    ask!(office, who, import_crm_user, import("742"))?;
    office.user("claire@demo.test", &[]).await?;
    office
        .directory
        .users(&[("742", "claire@demo.test"), ("746", "yanis@demo.test")]);
    assert_invalid(
        ask!(office, who, import_crm_user, import("742")),
        "CRM user is already linked to a different app user",
    );
    assert_invalid(
        ask!(office, who, import_crm_user, import("746")),
        "App user is already linked to a different CRM user",
    );
    Ok(())
}
