use super::office::{Office, ask};
use anyhow::Result;
use vigie_contracts::auth::v1 as pb;

const MEMBERSHIPS: &str = "SELECT t.crm_group_id || ':' || u.crm_user_id || ':' || ut.source
      FROM user_teams ut JOIN teams t ON t.id = ut.team_id JOIN users u ON u.id = ut.user_id ORDER BY 1";

async fn linked(office: &Office, crm: &str) -> Result<String> {
    let request = pb::CreateUserRequest {
        crm_user_id: Some(pb::NullableText {
            value: Some(crm.to_owned()),
        }),
        ..super::office::new_user(&format!("u{crm}@demo.test"), &[])
    };
    let answer = ask!(office, &office.admin, create_user, request)?;
    Ok(answer.user.expect("a user").id)
}

async fn sync(office: &Office, prune: bool, dry_run: bool) -> Result<pb::SyncTeamsResponse> {
    let request = pb::SyncTeamsRequest {
        sync_members: true,
        prune,
        dry_run,
    };
    Ok(ask!(office, &office.admin, sync_teams, request)?)
}

#[tokio::test]
async fn teams_come_first_and_members_when_asked() -> Result<()> {
    let office = Office::open().await?;
    linked(&office, "731").await?;
    office.directory.groups(&[
        ("51", " LYON ", &["731", "999"]),
        ("52", "", &[]),
        (" ", "blank", &[]),
        ("51", "twice", &[]),
    ]);
    let request = pb::SyncTeamsRequest::default();
    let answer = ask!(office, &office.admin, sync_teams, request)?;
    assert_eq!((answer.teams_upserted, answer.members_added), (2, 0));
    let names = office
        .many::<String>("SELECT name FROM teams ORDER BY id")
        .await?;
    assert_eq!(names, ["LYON", "CRM Group 52"]);
    for added in [1, 0] {
        assert_eq!(sync(&office, false, false).await?.members_added, added);
    }
    assert_eq!(office.many::<String>(MEMBERSHIPS).await?, ["51:731:crm"]);
    assert_eq!(
        office.one::<i64>("SELECT max(version) FROM users").await?,
        2
    );
    Ok(())
}

#[tokio::test]
async fn pruning_removes_what_a_sync_made_and_nothing_else() -> Result<()> {
    let office = Office::open().await?;
    let manual = linked(&office, "731").await?;
    linked(&office, "742").await?;
    linked(&office, "750").await?;
    office.directory.groups(&[("51", "LYON", &["742", "750"])]);
    sync(&office, false, false).await?;
    let team = office.one::<i64>("SELECT id FROM teams").await?;
    let request = pb::AddTeamMemberRequest {
        team_id: team.to_string(),
        user_id: manual,
    };
    ask!(office, &office.admin, add_team_member, request)?;

    office.directory.groups(&[("51", "LYON", &["750"])]);
    let kept = sync(&office, false, false).await?;
    assert_eq!(kept.members_removed, 0);

    // A dry run says what a real one would do, and does nothing.
    let dry = sync(&office, true, true).await?;
    assert!(dry.dry_run);
    assert_eq!((dry.members_added, dry.members_removed), (0, 1));
    assert_eq!(
        (&*dry.changes[0].change, &*dry.changes[0].email),
        ("removed", "u742@demo.test")
    );
    let before = ["51:731:manual", "51:742:crm", "51:750:crm"];
    assert_eq!(office.many::<String>(MEMBERSHIPS).await?, before);

    let pruned = sync(&office, true, false).await?;
    assert_eq!(pruned.members_removed, 1);
    assert!(pruned.changes.is_empty());
    let after = ["51:731:manual", "51:750:crm"];
    assert_eq!(office.many::<String>(MEMBERSHIPS).await?, after);

    // A CRM that names nobody at all is not believed.
    office.directory.groups(&[("51", "LYON", &[])]);
    assert_eq!(sync(&office, true, false).await?.members_removed, 0);
    Ok(())
}

#[tokio::test]
async fn a_dry_run_creates_and_renames_nothing() -> Result<()> {
    let office = Office::open().await?;
    office.directory.groups(&[("51", "LYON", &[])]);
    sync(&office, false, false).await?;
    let trail = "SELECT count(*) FROM audit_events WHERE action = 'teams.synced'";
    assert_eq!(office.one::<i64>(trail).await?, 1);
    office
        .directory
        .groups(&[("51", "LYON 2", &[]), ("52", "NORD", &[])]);
    let dry = sync(&office, true, true).await?;
    assert_eq!(dry.teams_upserted, 2);
    assert_eq!(
        office.many::<String>("SELECT name FROM teams").await?,
        ["LYON"]
    );
    assert_eq!(office.one::<i64>(trail).await?, 1);
    sync(&office, false, false).await?;
    let aliases = office
        .many::<String>("SELECT name FROM team_aliases")
        .await?;
    assert_eq!(aliases, ["LYON"]);
    Ok(())
}

#[tokio::test]
async fn teams_that_swap_their_names_keep_no_alias() -> Result<()> {
    let office = Office::open().await?;
    office
        .directory
        .groups(&[("51", "A", &[]), ("52", "B", &[])]);
    sync(&office, false, false).await?;
    office
        .directory
        .groups(&[("51", "B", &[]), ("52", "A", &[])]);
    sync(&office, false, false).await?;
    let names = office
        .many::<String>("SELECT name FROM teams ORDER BY crm_group_id")
        .await?;
    assert_eq!(names, ["B", "A"]);
    assert_eq!(
        office
            .one::<i64>("SELECT count(*) FROM team_aliases")
            .await?,
        0
    );
    Ok(())
}
