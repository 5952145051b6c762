use super::office::{Office, PHRASE, ask, assert_invalid, assert_refused, new_user, texts};
use anyhow::Result;
use std::time::Duration;
use vigie_contracts::auth::v1 as pb;
use vigie_events::auth::PrincipalChanged;
use vigie_service::ErrorCode;
use vigie_testkit::wait;

const LIMIT: Duration = Duration::from_secs(30);

fn patch(id: &str) -> pb::UpdateUserRequest {
    pb::UpdateUserRequest {
        user_id: id.to_owned(),
        ..pb::UpdateUserRequest::default()
    }
}

fn crm(value: Option<&str>) -> pb::NullableText {
    pb::NullableText {
        value: value.map(str::to_owned),
    }
}

#[tokio::test]
async fn a_user_is_created_with_the_default_role_and_may_log_in() -> Result<()> {
    let office = Office::open().await?;
    let request = new_user(" Nora@demo.test ", &[]);
    let user = ask!(office, &office.admin, create_user, request)?
        .user
        .expect("a user");
    assert_eq!(
        (&*user.email, &*user.status, &user.roles[..]),
        ("nora@demo.test", "ACTIVE", &["viewer".to_owned()][..])
    );
    let session = office.app.login_as("nora@demo.test", PHRASE).await?;
    assert!(!session.user.expect("a user").must_change_password);

    let again = new_user("NORA@demo.test", &[]);
    assert_refused(
        ask!(office, &office.admin, create_user, again),
        ErrorCode::Conflict,
        "A user with this email already exists",
    );
    Ok(())
}

#[tokio::test]
async fn what_cannot_be_a_user_is_refused() -> Result<()> {
    let office = Office::open().await?;
    let who = &office.admin;
    let unknown = "Unknown role key(s)";
    for roles in [&["nobody"][..], &["viewer", "viewer"]] {
        let request = new_user("nora@demo.test", roles);
        assert_invalid(ask!(office, who, create_user, request), unknown);
    }
    let request = pb::CreateUserRequest {
        role_keys: Some(texts(&[])),
        ..new_user("nora@demo.test", &[])
    };
    assert_invalid(
        ask!(office, who, create_user, request),
        "role_keys must not be empty",
    );
    let request = new_user("nora", &[]);
    assert_invalid(
        ask!(office, who, create_user, request),
        "email must be an e-mail address",
    );
    for (password, sentence) in [
        ("short", "password must have 12 to 200 characters"),
        ("password1234", "password is too common"),
        ("nora@demo.test", "password must not be the e-mail address"),
    ] {
        let request = pb::CreateUserRequest {
            password: password.to_owned(),
            ..new_user("nora@demo.test", &[])
        };
        assert_invalid(ask!(office, who, create_user, request), sentence);
    }
    assert_eq!(office.one::<i64>("SELECT count(*) FROM users").await?, 1);
    Ok(())
}

#[tokio::test]
async fn a_patch_is_applied_as_a_whole_or_not_at_all() -> Result<()> {
    let office = Office::open().await?;
    let who = &office.admin;
    let id = office.user("nora@demo.test", &["viewer"]).await?;
    let request = pb::UpdateUserRequest {
        status: Some("DISABLED".to_owned()),
        role_keys: Some(texts(&["nobody"])),
        ..patch(&id)
    };
    assert_invalid(
        ask!(office, who, update_user, request),
        "Unknown role key(s)",
    );
    let request = pb::UpdateUserRequest {
        status: Some("DISABLED".to_owned()),
        role_keys: Some(texts(&["operator", "viewer"])),
        crm_user_id: Some(crm(Some(" 731 "))),
        ..patch(&id)
    };
    let user = ask!(office, who, update_user, request)?
        .user
        .expect("a user");
    assert_eq!(user.status, "DISABLED");
    assert_eq!(user.roles, ["operator", "viewer"]);
    assert_eq!(user.crm_user_id.as_deref(), Some("731"));

    let other = office.user("yanis@demo.test", &[]).await?;
    let request = pb::UpdateUserRequest {
        crm_user_id: Some(crm(Some("731"))),
        ..patch(&other)
    };
    assert_refused(
        ask!(office, who, update_user, request),
        ErrorCode::Conflict,
        "This CRM user is already linked to another user",
    );
    let request = pb::UpdateUserRequest {
        crm_user_id: Some(crm(None)),
        ..patch(&id)
    };
    let user = ask!(office, who, update_user, request)?
        .user
        .expect("a user");
    assert_eq!(user.crm_user_id, None);
    Ok(())
}

#[tokio::test]
async fn patches_are_checked_in_the_contracts_order() -> Result<()> {
    let office = Office::open().await?;
    let who = &office.admin;
    for id in ["", "0x1f", "01", "9223372036854775808"] {
        assert_invalid(ask!(office, who, update_user, patch(id)), "Invalid user id");
    }
    assert_invalid(
        ask!(office, who, update_user, patch("99")),
        "At least one of status, password, role_keys is required",
    );
    let status = |status: &str| pb::UpdateUserRequest {
        status: Some(status.to_owned()),
        ..patch("99")
    };
    assert_invalid(
        ask!(office, who, update_user, status("active")),
        "status must be INVITED, ACTIVE or DISABLED",
    );
    assert_refused(
        ask!(office, who, update_user, status("ACTIVE")),
        ErrorCode::NotFound,
        "User with ID '99' not found",
    );
    Ok(())
}

#[tokio::test]
async fn disabling_ends_sessions_and_refuses_old_tokens() -> Result<()> {
    let office = Office::open().await?;
    let id = office.user("nora@demo.test", &[]).await?;
    let session = office.app.login_as("nora@demo.test", PHRASE).await?;
    let request = pb::UpdateUserRequest {
        status: Some("DISABLED".to_owned()),
        ..patch(&id)
    };
    ask!(office, &office.admin, update_user, request)?;
    let sql = "SELECT count(*) FROM refresh_tokens t JOIN users u ON u.id = t.user_id
                WHERE u.email = 'nora@demo.test' AND t.revoked_at IS NULL";
    assert_eq!(office.one::<i64>(sql).await?, 0);
    assert!(office.app.refresh(&session.refresh_token).await.is_err());
    let version = "SELECT version FROM users WHERE email = 'nora@demo.test'";
    assert_eq!(office.one::<i64>(version).await?, 2);
    Ok(())
}

#[tokio::test]
async fn a_new_password_ends_sessions_and_links() -> Result<()> {
    let office = Office::open().await?;
    let who = &office.admin;
    let id = office.user("nora@demo.test", &[]).await?;
    let session = office.app.login_as("nora@demo.test", PHRASE).await?;
    let link = pb::IssueResetLinkRequest {
        user_id: id.clone(),
    };
    let link = ask!(office, who, issue_reset_link, link)?;
    assert_eq!(link.reset_token.len(), 64);
    let request = pb::UpdateUserRequest {
        password: Some("another long phrase 3".to_owned()),
        ..patch(&id)
    };
    ask!(office, who, update_user, request)?;
    assert!(office.app.refresh(&session.refresh_token).await.is_err());
    assert!(office.app.login_as("nora@demo.test", PHRASE).await.is_err());
    let live = "SELECT count(*) FROM password_reset_tokens WHERE used_at IS NULL";
    assert_eq!(office.one::<i64>(live).await?, 0);
    Ok(())
}

#[tokio::test]
async fn links_supersede_each_other_and_go_to_those_who_can_use_them() -> Result<()> {
    let office = Office::open().await?;
    let who = &office.admin;
    let id = office.user("nora@demo.test", &[]).await?;
    for _ in 0..2 {
        let request = pb::IssueResetLinkRequest {
            user_id: id.clone(),
        };
        ask!(office, who, issue_reset_link, request)?;
    }
    let live = "SELECT count(*) FROM password_reset_tokens WHERE used_at IS NULL
                   AND expires_at BETWEEN now() + interval '59 min' AND now() + interval '1 hour'";
    assert_eq!(office.one::<i64>(live).await?, 1);
    let invite = || pb::InviteUserRequest {
        user_id: id.clone(),
    };
    assert_refused(
        ask!(office, who, invite_user, invite()),
        ErrorCode::Conflict,
        "Only a user with status INVITED can be invited",
    );
    let request = pb::UpdateUserRequest {
        status: Some("INVITED".to_owned()),
        ..patch(&id)
    };
    ask!(office, who, update_user, request)?;
    let first = ask!(office, who, invite_user, invite())?;
    let second = ask!(office, who, invite_user, invite())?;
    assert_ne!(first.invite_token, second.invite_token);
    let live = "SELECT count(*) FROM user_invite_tokens WHERE used_at IS NULL
                   AND expires_at BETWEEN now() + interval '167 hours' AND now() + interval '168 hours'";
    assert_eq!(office.one::<i64>(live).await?, 1);
    let request = pb::IssueResetLinkRequest {
        user_id: id.clone(),
    };
    assert_eq!(
        super::office::refused(ask!(office, who, issue_reset_link, request)).0,
        ErrorCode::Conflict
    );
    Ok(())
}

#[tokio::test]
async fn logging_a_user_out_counts_its_sessions() -> Result<()> {
    let office = Office::open().await?;
    let id = office.user("nora@demo.test", &[]).await?;
    for _ in 0..3 {
        office.app.login_as("nora@demo.test", PHRASE).await?;
    }
    for revoked in [3, 0] {
        let request = pb::LogOutUserRequest {
            user_id: id.clone(),
        };
        let answer = ask!(office, &office.admin, log_out_user, request)?;
        assert_eq!(answer.revoked, revoked);
    }
    Ok(())
}

#[tokio::test]
async fn users_are_listed_whole_or_page_by_page() -> Result<()> {
    let office = Office::open().await?;
    let who = &office.admin;
    for name in ["ada", "bea", "cleo", "dora"] {
        office.user(&format!("{name}@demo.test"), &[]).await?;
    }
    let all = ask!(office, who, list_users, pb::ListUsersRequest::default())?;
    assert_eq!((all.count, all.next_cursor), (5, None));
    let mut seen = Vec::new();
    let mut cursor = None;
    loop {
        let request = pb::ListUsersRequest {
            limit: Some(2),
            cursor,
            q: None,
        };
        let page = ask!(office, who, list_users, request)?;
        seen.extend(page.users.into_iter().map(|user| user.id));
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    let ids: Vec<_> = all.users.into_iter().map(|user| user.id).collect();
    assert_eq!(seen, ids);
    let request = pb::ListUsersRequest {
        q: Some("CLEO".to_owned()),
        ..pb::ListUsersRequest::default()
    };
    let found = ask!(office, who, list_users, request)?;
    assert_eq!(found.users[0].email, "cleo@demo.test");
    assert_eq!(found.count, 1);
    for request in [
        pb::ListUsersRequest {
            limit: Some(201),
            ..pb::ListUsersRequest::default()
        },
        pb::ListUsersRequest {
            cursor: Some("x".to_owned()),
            ..pb::ListUsersRequest::default()
        },
    ] {
        let answer = ask!(office, who, list_users, request);
        assert_eq!(super::office::refused(answer).0, ErrorCode::Validation);
    }
    Ok(())
}

#[tokio::test]
async fn every_service_hears_that_a_principal_changed() -> Result<()> {
    let office = Office::open().await?;
    let id = office.user("nora@demo.test", &[]).await?;
    let changes = [
        (
            "roles",
            pb::UpdateUserRequest {
                role_keys: Some(texts(&["operator"])),
                ..patch(&id)
            },
        ),
        (
            "teams",
            pb::UpdateUserRequest {
                crm_user_id: Some(crm(Some("731"))),
                ..patch(&id)
            },
        ),
        (
            "password",
            pb::UpdateUserRequest {
                password: Some("another long phrase 3".to_owned()),
                ..patch(&id)
            },
        ),
        (
            "disabled",
            pb::UpdateUserRequest {
                status: Some("DISABLED".to_owned()),
                ..patch(&id)
            },
        ),
    ];
    let bus = office.app.bus().await?;
    for (version, (reason, change)) in (2..).zip(changes) {
        ask!(office, &office.admin, update_user, change)?;
        let fact = wait::until("the fact", LIMIT, || async {
            let last = bus
                .last_fact::<PrincipalChanged>(std::slice::from_ref(&id))
                .await?;
            Ok(last.filter(|fact| fact.body.version == version))
        });
        let told = serde_json::to_value(fact.await?.body.reason)?;
        assert_eq!(told, reason);
    }
    // A change of nothing tells nobody.
    let same = pb::UpdateUserRequest {
        role_keys: Some(texts(&["operator"])),
        status: Some("DISABLED".to_owned()),
        ..patch(&id)
    };
    ask!(office, &office.admin, update_user, same)?;
    let noted = office
        .many::<String>("SELECT version || reason FROM principal_changes ORDER BY version")
        .await?;
    assert_eq!(noted, ["2roles", "3teams", "4password", "5disabled"]);
    Ok(())
}
