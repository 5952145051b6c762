use reqwest::dns::Resolve;
use rstest::rstest;
use vigie_webhooks::{FetchError, GuardError, Reason, UrlGuard};

use super::{Script, TIMEOUTS, config, refused};

const PUBLIC: &str = "93.184.216.34";

async fn resolve(guard: &UrlGuard, name: &str) -> Result<Vec<String>, GuardError> {
    match guard.resolver().resolve(name.parse().unwrap()).await {
        Ok(found) => Ok(found.map(|address| address.ip().to_string()).collect()),
        Err(error) => Err(*error.downcast::<GuardError>().unwrap()),
    }
}

#[rstest]
#[case::private(&["10.0.0.1"])]
#[case::loopback(&["127.0.0.1"])]
#[case::metadata(&["169.254.169.254"])]
#[case::one_of_many(&[PUBLIC, "2606:4700:4700::1111", "192.168.0.1"])]
#[case::mapped(&["::ffff:10.0.0.1"])]
#[case::unique_local(&["fd12::1"])]
#[tokio::test]
async fn a_name_is_refused_for_any_address_that_is_not_public(#[case] addresses: &[&str]) {
    for development in [false, true] {
        let script = Script::of(&[addresses, addresses, addresses]);
        let guard = UrlGuard::with_lookup(config(development, &[]), script).unwrap();
        let expected = refused(Reason::Address);
        assert_eq!(
            resolve(&guard, "evil.example.com").await,
            Err(expected.clone())
        );
        let registered = guard.check_resolved("https://evil.example.com/").await;
        assert_eq!(registered, Err(expected.clone()));
        let client = guard.client(TIMEOUTS).unwrap();
        let error = client.get("https://evil.example.com/").await.unwrap_err();
        assert!(matches!(error, FetchError::Refused(found) if found == expected));
    }
}

#[tokio::test]
async fn only_what_was_checked_is_handed_out() {
    let script = Script::of(&[&[PUBLIC, "2606:4700:4700::1111"]]);
    let guard = UrlGuard::with_lookup(config(false, &[]), script.clone()).unwrap();
    let found = resolve(&guard, "hooks.example.com").await.unwrap();
    assert_eq!(found, [PUBLIC, "2606:4700:4700::1111"]);
    assert_eq!(script.asked(), ["hooks.example.com"]);
}

#[tokio::test]
async fn a_name_that_turns_private_after_registration_is_refused_when_called() {
    let script = Script::of(&[&[PUBLIC], &["127.0.0.1"]]);
    let guard = UrlGuard::with_lookup(config(false, &[]), script.clone()).unwrap();
    let url = "https://rebind.example.com/hook";
    assert!(guard.check_resolved(url).await.is_ok());
    let error = guard.client(TIMEOUTS).unwrap().get(url).await.unwrap_err();
    assert!(matches!(error, FetchError::Refused(_)), "{error}");
    assert_eq!(script.asked().len(), 2);
}

#[tokio::test]
async fn a_name_that_does_not_resolve_may_be_registered_but_not_called() {
    let guard = UrlGuard::with_lookup(config(false, &[]), Script::of(&[])).unwrap();
    let url = "https://not-yet.example.com/";
    assert!(guard.check_resolved(url).await.is_ok());
    let error = guard.client(TIMEOUTS).unwrap().get(url).await.unwrap_err();
    assert!(matches!(error, FetchError::Http(_)), "{error}");
    assert!(!error.to_string().contains("not-yet"), "{error}");
}

#[tokio::test]
async fn names_of_this_machine_lead_here_in_development_only() {
    let ask = async |development: bool, address: &str| {
        let script = Script::of(&[&[address]]);
        let guard = UrlGuard::with_lookup(config(development, &[]), script).unwrap();
        resolve(&guard, "api.localhost").await.is_ok()
    };
    assert!(ask(true, "127.0.0.1").await);
    assert!(!ask(true, "10.0.0.1").await);
    assert!(!ask(false, "127.0.0.1").await);
    let system = UrlGuard::new(config(true, &[])).unwrap();
    let found = resolve(&system, "api.localhost").await;
    assert_eq!(found, Ok(vec!["127.0.0.1".to_owned(), "::1".to_owned()]));
}

#[tokio::test]
async fn allowed_names_may_be_private_but_not_link_local() {
    let script = Script::of(&[&["10.0.0.1"], &["fe80::1"], &["10.0.0.1"]]);
    let allowed = ["https://hooks.example.com"];
    let guard = UrlGuard::with_lookup(config(false, &allowed), script).unwrap();
    assert!(resolve(&guard, "hooks.example.com").await.is_ok());
    assert!(resolve(&guard, "hooks.example.com").await.is_err());
    assert!(resolve(&guard, "other.example.com").await.is_err());
}
