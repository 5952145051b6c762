use super::{Check, Subject, Wanted, parse, parse_private};
use chrono::DateTime;
use rstest::rstest;
use vigie_identity::{Grant, Principal, PrincipalKind, Scope};
use vigie_service::ErrorCode;

fn principal(grants: &[(&str, Scope)]) -> Principal {
    let grants = grants.iter().map(|(key, scope)| Grant {
        key: (*key).to_owned(),
        read: true,
        write: false,
        read_scope: *scope,
        write_scope: Scope::Own,
    });
    Principal {
        kind: PrincipalKind::Machine("m".to_owned()),
        email: "m".to_owned(),
        roles: Vec::new(),
        crm_user_id: None,
        groupes: Vec::new(),
        groupe_names: Vec::new(),
        grants: grants.collect(),
        session: None,
        version: 1,
        expires_at: DateTime::UNIX_EPOCH,
    }
}

fn one(name: &str) -> Wanted {
    parse([name]).unwrap().remove(0)
}

#[test]
fn both_spellings_are_one_channel() {
    let wanted = parse(["private-audit-9", "audit-9", "job-automation-run-7"]).unwrap();
    let names: Vec<_> = wanted.iter().map(|wanted| wanted.name.as_str()).collect();
    assert_eq!(names, ["private-audit-9", "job-automation-run-7"]);
    assert_eq!(wanted[0].channel.as_str(), "audit-9");
    assert_eq!(wanted[1].subject, Subject::AutomationRun("7".to_owned()));
}

#[rstest]
#[case("audit 9", ErrorCode::Validation)]
#[case("", ErrorCode::Validation)]
#[case("pusher-audit-9", ErrorCode::Validation)]
#[case("org-9", ErrorCode::Authorization)]
#[case("private-tenant-9", ErrorCode::Authorization)]
#[case("private-private-audit-9", ErrorCode::Authorization)]
#[case("presence-global", ErrorCode::Authorization)]
#[case("audit-", ErrorCode::Authorization)]
fn unknown_names_are_refused_and_named(#[case] name: &str, #[case] code: ErrorCode) {
    let refused = parse(["global", name]).unwrap_err();
    assert_eq!((refused.code, refused.name.as_str()), (code, name));
    let long = parse([format!("audit-{}", "9".repeat(195)).as_str()]).unwrap_err();
    assert_eq!(long.reason, "channel_name too long (max 200 chars)");
}

#[rstest]
#[case("private-audit-9", Ok(Subject::Audit("9".to_owned())))]
#[case("presence-global", Ok(Subject::Global))]
#[case("private-realtime-test", Ok(Subject::Test))]
#[case("audit-9", Err(ErrorCode::Authorization))]
#[case("global", Err(ErrorCode::Authorization))]
#[case("presence-org-1", Err(ErrorCode::Authorization))]
#[case("presence-audit-9", Err(ErrorCode::Authorization))]
#[case("pusher-audit-9", Err(ErrorCode::Validation))]
#[case("a b", Err(ErrorCode::Validation))]
fn pusher_asks_for_private_channels_only(
    #[case] name: &str,
    #[case] expected: Result<Subject, ErrorCode>,
) {
    let read = parse_private(name);
    assert_eq!(
        read.map(|wanted| wanted.subject)
            .map_err(|refused| refused.code),
        expected
    );
}

#[test]
fn a_user_s_channel_is_the_user_s() {
    let mut user = principal(&[]);
    user.kind = PrincipalKind::User("42".parse().unwrap());
    assert_eq!(one("private-user-42").check(&user), Ok(Check::None));
    assert!(one("user-43").check(&user).is_err());
    assert!(one("user-42").check(&principal(&[])).is_err());
}

#[test]
fn the_test_channel_takes_the_right_to_test() {
    let mut tester = principal(&[("realtime", Scope::All)]);
    assert!(one("realtime-test").check(&tester).is_err());
    tester.grants[0].write = true;
    assert_eq!(one("realtime-test").check(&tester), Ok(Check::None));
}

#[test]
fn all_needs_no_look_up_and_less_does() {
    let audit = one("audit-audit-44-7-1");
    let check = audit.check(&principal(&[("audits", Scope::All)]));
    assert_eq!(check, Ok(Check::None));
    let check = audit.check(&principal(&[("audits", Scope::Group)]));
    assert_eq!(check, Ok(Check::Audit("audit-44-7-1".to_owned())));
    assert!(audit.check(&principal(&[("fiches", Scope::All)])).is_err());
    assert!(
        one("fiche-x")
            .check(&principal(&[("fiches", Scope::All)]))
            .is_err()
    );
}

#[test]
fn jobs_are_heard_by_those_who_may_read_their_kind() {
    let others = |name: &str, own: &str| {
        let all = ["audits", "automation", "fiches", "transcriptions", "chat"];
        let grants: Vec<_> = all
            .into_iter()
            .filter(|key| *key != own)
            .map(|key| (key, Scope::All))
            .collect();
        assert!(one(name).check(&principal(&grants)).is_err(), "{name}");
    };
    others("job-4a1c", "fiches");
    others("job-automation-run-7", "automation");
    others("job-automation-schedule-7", "automation");
    others("job-transcription-batch-019a", "transcriptions");
    others("job-batch-1767604800000-3", "audits");
    let job = one("job-4a1c");
    assert_eq!(
        job.check(&principal(&[("fiches", Scope::All)])),
        Ok(Check::None)
    );
    let check = job.check(&principal(&[("fiches", Scope::Group)]));
    assert_eq!(check, Ok(Check::FetchJob("4a1c".to_owned())));
    let run = one("job-automation-run-7").check(&principal(&[("automation", Scope::Own)]));
    assert_eq!(run, Ok(Check::AutomationRun("7".to_owned())));
    let batch = one("job-transcription-batch-019a");
    let check = batch.check(&principal(&[("transcriptions", Scope::All)]));
    let id = "transcription-batch-019a".to_owned();
    assert_eq!(check, Ok(Check::TranscriptionBatch(id)));
    let batch = one("private-job-batch-1767604800000-3");
    let check = batch.check(&principal(&[("audits", Scope::Own)]));
    let id = "batch-1767604800000-3".to_owned();
    assert_eq!(check, Ok(Check::AuditBatch(id)));
    let check = batch.check(&principal(&[("audits", Scope::All)]));
    assert_eq!(check, Ok(Check::None));
    assert_eq!(one("global").check(&principal(&[])), Ok(Check::None));
}
