use crate::fixture::{grant, user};
use chrono::DateTime;
use rstest::rstest;
use vigie_identity::{Denied, FicheScope, Guard, Principal, Scope};

const READ: Guard = Guard::parse("audits.read");
const RUN: Guard = Guard::parse("audits.run");

fn with(scope: Scope) -> Principal {
    let mut principal = user(DateTime::UNIX_EPOCH);
    principal.grants = vec![grant("audits", Some(scope), None)];
    principal
}

fn reach(scope: Scope) -> FicheScope {
    with(scope).require(READ).unwrap()
}

#[rstest]
#[case(Scope::All, None, None, true)]
#[case(Scope::All, Some("Sud"), Some("1"), true)]
#[case(Scope::Group, Some("Nord"), None, true)]
#[case(Scope::Group, Some("Nord (ancien)"), None, true)]
#[case(Scope::Group, Some("nord"), None, false)]
#[case(Scope::Group, Some("Nord "), None, false)]
#[case(Scope::Group, Some(""), None, false)]
#[case(Scope::Group, None, None, false)]
#[case(Scope::Group, Some("Sud"), Some("349"), false)] // no widening: mine, but in another group
#[case(Scope::Own, Some("Nord"), None, false)]
#[case(Scope::Own, Some("Nord"), Some("350"), false)]
#[case(Scope::Own, Some("Sud"), Some("349"), true)]
#[case(Scope::Own, None, Some(""), false)]
fn follows_the_table(
    #[case] scope: Scope,
    #[case] groupe: Option<&str>,
    #[case] attribution: Option<&str>,
    #[case] visible: bool,
) {
    assert_eq!(reach(scope).allows(groupe, attribution), visible);
}

#[test]
fn nothing_to_match_with_means_nothing_visible() {
    let mut lonely = with(Scope::Group);
    lonely.groupes = vec![String::new()];
    lonely.groupe_names.clear();
    let reach = lonely.require(READ).unwrap();
    assert!(!reach.allows(Some(""), Some("349")) && reach.groupes().is_empty());
    let mut unlinked = with(Scope::Own);
    unlinked.crm_user_id = Some(String::new());
    let reach = unlinked.require(READ).unwrap();
    assert!(!reach.allows(Some("Nord"), Some("")) && reach.crm_user_id().is_none());
}

#[test]
fn binds_only_what_its_level_uses() {
    let all = reach(Scope::All);
    assert_eq!(
        (all.all(), all.groupes().len(), all.crm_user_id()),
        (true, 0, None)
    );
    let group = reach(Scope::Group);
    assert_eq!((group.all(), group.crm_user_id()), (false, None));
    assert_eq!(group.groupes(), ["Nord", "Nord (ancien)"]);
    let own = reach(Scope::Own);
    assert_eq!(
        (own.all(), own.groupes().len(), own.crm_user_id()),
        (false, 0, Some("349"))
    );
}

#[test]
fn the_binds_and_the_rule_agree() {
    let fiches = [
        (None, None),
        (Some(""), Some("")),
        (Some("Nord"), Some("349")),
        (Some("Nord"), None),
        (Some("Sud"), Some("349")),
        (Some("Sud"), Some("1")),
    ];
    for scope in [Scope::Own, Scope::Group, Scope::All] {
        let reach = reach(scope);
        for (groupe, attribution) in fiches {
            // What the SQL predicate computes, NULL being false.
            let sql = reach.all()
                || groupe.is_some_and(|name| reach.groupes().iter().any(|mine| mine == name))
                || (attribution.is_some() && attribution == reach.crm_user_id());
            assert_eq!(
                reach.allows(groupe, attribution),
                sql,
                "{scope:?} {groupe:?} {attribution:?}"
            );
        }
    }
}

#[test]
fn read_and_write_are_apart() {
    let principal = with(Scope::All);
    assert_eq!(principal.require(RUN), Err(Denied::MissingPermission));
    assert_eq!(
        principal.require(Guard::parse("chat.read")),
        Err(Denied::MissingPermission)
    );
    let mut writer = principal;
    writer.grants = vec![grant("audits", None, Some(Scope::Group))];
    assert_eq!(writer.require(READ), Err(Denied::MissingPermission));
    assert_eq!(writer.require(RUN).unwrap().scope(), Scope::Group);
}
