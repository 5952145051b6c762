use std::time::Duration;

use chrono::NaiveDate;
use rstest::rstest;
use secrecy::SecretString;
use serde_json::{Value, json};
use vigie_upstream::crm::{CrmCause, CrmClient, CrmConfig, CrmError, FicheOptions, MailDevis};
use vigie_upstream::retry::RetryPolicy;
use vigie_upstream::{NetworkCause, SetupError};
use wiremock::matchers::{header, method, path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

const TOKEN: &str = "tok-very-secret";
const FICHE: &str = "/api/fiches/by-id/2104417";
const SALES: &str = "/api/fiches/sales-with-calls";

fn quick() -> RetryPolicy {
    RetryPolicy {
        base: Duration::from_millis(1),
        ..RetryPolicy::STANDARD
    }
}

fn client(server: &MockServer) -> CrmClient {
    CrmClient::new(CrmConfig {
        token: Some(SecretString::from(TOKEN.to_owned())),
        sales_include_recordings: true,
        retry: quick(),
        ..CrmConfig::new(server.uri())
    })
    .unwrap()
}

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

async fn answer(server: &MockServer, at: &str, template: ResponseTemplate, times: u64) {
    Mock::given(method("GET"))
        .and(path(at))
        .respond_with(template)
        .up_to_n_times(times)
        .expect(times)
        .mount(server)
        .await;
}

fn status(status: u16) -> ResponseTemplate {
    ResponseTemplate::new(status)
}

fn ok(body: &Value) -> ResponseTemplate {
    status(200).set_body_json(body)
}

fn fiche() -> Value {
    json!({"success": true, "message": "ok", "information": {"fiche_id": "2104417", "groupe": "EQUIPE NORD"}})
}

#[tokio::test]
async fn a_fiche_is_asked_for_as_the_contract_says() {
    let server = MockServer::start().await;
    Mock::given(path(FICHE))
        .and(header("authorization", format!("Bearer {TOKEN}").as_str()))
        .and(query_param("include_recordings", "true"))
        .and(query_param("include_transcriptions", "false"))
        .and(query_param("include_mail_devis", "true"))
        .respond_with(ok(&fiche()))
        .expect(1)
        .mount(&server)
        .await;
    let options = FicheOptions {
        include_mail_devis: true,
        ..FicheOptions::default()
    };
    let fiche = client(&server).fiche("2104417", options).await.unwrap();
    assert_eq!(fiche.information.unwrap().groupe, "EQUIPE NORD");
    assert_eq!(fiche.mail_devis, MailDevis::Unknown);
    assert!(!fiche.with_recordings, "the section was left out");
    let sent = &server.received_requests().await.unwrap()[0];
    assert!(!sent.url.query().unwrap().contains("cle"));
}

#[rstest]
#[case(404)]
#[case(408)]
#[case(429)]
#[case(500)]
#[case(503)]
#[tokio::test]
async fn what_may_pass_is_tried_again(#[case] first: u16) {
    let server = MockServer::start().await;
    answer(&server, FICHE, status(first), 2).await;
    answer(&server, FICHE, ok(&fiche()), 1).await;
    client(&server)
        .fiche("2104417", FicheOptions::default())
        .await
        .unwrap();
}

#[rstest]
#[case(status(404), 3, "Fiche 2104417 not found")]
#[case(
    status(503),
    3,
    "Failed to fetch fiche details for 2104417: Request failed with status code 503"
)]
#[case(
    status(401),
    1,
    "Failed to fetch fiche details for 2104417: Request failed with status code 401"
)]
#[case(
    status(403),
    1,
    "Failed to fetch fiche details for 2104417: Request failed with status code 403"
)]
#[case(
    status(400),
    1,
    "Failed to fetch fiche details for 2104417: Request failed with status code 400"
)]
#[case(
    status(302),
    1,
    "Failed to fetch fiche details for 2104417: Request failed with status code 302"
)]
#[case(status(200).set_body_string("<html>"), 1, "Failed to fetch fiche details for 2104417: Invalid sale details response format")]
#[case(
    status(200),
    1,
    "Failed to fetch fiche details for 2104417: Invalid sale details response format"
)]
#[case(ok(&json!({"success": false, "message": "Fiche introuvable"})), 1, "Fiche 2104417 not found")]
#[case(ok(&json!({"success": false, "message": "boom"})), 1, "Failed to fetch fiche details for 2104417: the gateway answered success=false")]
#[tokio::test]
async fn a_failed_fiche_has_the_contract_text(
    #[case] template: ResponseTemplate,
    #[case] attempts: u64,
    #[case] text: &str,
) {
    let server = MockServer::start().await;
    answer(&server, FICHE, template, attempts).await;
    let error = client(&server)
        .fiche("2104417", FicheOptions::default())
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), text);
    assert!(!format!("{error:?}").contains(TOKEN));
}

#[tokio::test]
async fn retry_after_is_waited_for_within_the_budget_and_handed_back_beyond_it() {
    let server = MockServer::start().await;
    let busy = |seconds: &str| status(429).insert_header("retry-after", seconds);
    answer(&server, FICHE, busy("1"), 1).await;
    answer(&server, FICHE, ok(&fiche()), 1).await;
    let begun = std::time::Instant::now();
    let crm = client(&server).within(Duration::from_secs(20));
    crm.fiche("2104417", FicheOptions::default()).await.unwrap();
    assert!(begun.elapsed() >= Duration::from_secs(1));

    server.reset().await;
    answer(&server, FICHE, busy("120"), 1).await;
    let error = crm
        .fiche("2104417", FicheOptions::default())
        .await
        .unwrap_err();
    assert!(
        matches!(&error, CrmError::RetryLater { after, cause: CrmCause::Status(429), .. } if *after == Duration::from_mins(2))
    );
}

#[tokio::test]
async fn a_hanging_gateway_ends_with_the_budget() {
    let server = MockServer::start().await;
    answer(
        &server,
        FICHE,
        ok(&fiche()).set_delay(Duration::from_secs(30)),
        1,
    )
    .await;
    let begun = std::time::Instant::now();
    let crm = client(&server).within(Duration::from_millis(300));
    let error = crm
        .fiche("2104417", FicheOptions::default())
        .await
        .unwrap_err();
    assert!(matches!(error, CrmError::Timeout { .. }));
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn a_closed_port_is_named_without_address() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let crm = CrmClient::new(CrmConfig {
        retry: quick(),
        ..CrmConfig::new(format!("http://{address}"))
    })
    .unwrap();
    let error = crm.sales(day("2026-01-12"), day("2026-01-14")).await;
    let error = error.unwrap_err();
    assert_eq!(
        error.to_string(),
        "Failed to fetch sales with calls for 2026-01-12..2026-01-14: connection refused (ECONNREFUSED)"
    );
    assert!(matches!(
        error,
        CrmError::Upstream {
            cause: CrmCause::Network(NetworkCause::Refused),
            ..
        }
    ));
}

#[tokio::test]
async fn sales_are_asked_for_as_the_contract_says() {
    let server = MockServer::start().await;
    Mock::given(path(SALES))
        .and(query_param("start_date", "2026-01-12"))
        .and(query_param("end_date", "2026-01-14"))
        .and(query_param("status_id", "53"))
        .and(query_param("include_recordings", "true"))
        .and(query_param("include_transcriptions", "false"))
        .respond_with(ok(&json!({"fiches": [{"id": 7}, 3], "total": 2})))
        .expect(1)
        .mount(&server)
        .await;
    let list = client(&server)
        .sales(day("2026-01-12"), day("2026-01-14"))
        .await
        .unwrap();
    assert_eq!((list.fiches[0].id.as_str(), list.total), ("7", 2));
    assert_eq!(list.quarantined.len(), 1);
}

#[rstest]
#[case(
    status(404),
    3,
    "Failed to fetch sales with calls for 2026-01-12..2026-01-14: Request failed with status code 404"
)]
#[case(ok(&json!({"total": 1})), 1, "Failed to fetch sales with calls for 2026-01-12..2026-01-14: Invalid sales with calls response format")]
#[tokio::test]
async fn failed_sales_have_the_contract_text(
    #[case] template: ResponseTemplate,
    #[case] attempts: u64,
    #[case] text: &str,
) {
    let server = MockServer::start().await;
    answer(&server, SALES, template, attempts).await;
    let error = client(&server)
        .sales(day("2026-01-12"), day("2026-01-14"))
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), text);
}

#[tokio::test]
async fn a_day_of_sales_is_lenient_and_tried_once() {
    let server = MockServer::start().await;
    answer(&server, SALES, ok(&json!({"fiches": null})), 1).await;
    let crm = client(&server);
    let other = crm
        .with_token(&SecretString::from("bearer own".to_owned()))
        .unwrap();
    assert!(
        other
            .sales_day(day("2026-01-14"))
            .await
            .unwrap()
            .fiches
            .is_empty()
    );
    let sent = &server.received_requests().await.unwrap()[0];
    assert_eq!(sent.headers["authorization"], "bearer own");

    server.reset().await;
    answer(&server, SALES, status(500), 1).await;
    let error = crm.sales_day(day("2026-01-14")).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "Failed to fetch fiches for 14/01/2026: Request failed with status code 500"
    );
}

#[tokio::test]
async fn a_refused_token_suspends_further_calls() {
    let server = MockServer::start().await;
    answer(&server, FICHE, status(401), 1).await;
    let crm = client(&server);
    for _ in 0..3 {
        let error = crm
            .fiche("2104417", FicheOptions::default())
            .await
            .unwrap_err();
        assert!(matches!(error, CrmError::Auth { status: 401, .. }));
        assert_eq!(
            error.worker_message(),
            "Authentication failed for fiche 2104417"
        );
    }
}

#[tokio::test]
async fn users_groups_and_health() {
    let server = MockServer::start().await;
    let users = json!({"success": true, "data": {"utilisateurs": [{"id": 107}]}});
    answer(&server, "/api/utilisateurs", status(502), 1).await;
    answer(&server, "/api/utilisateurs", ok(&users), 1).await;
    let groups =
        json!({"success": true, "data": {"groupes": [{"id": "31", "nom": "EQUIPE NORD"}]}});
    answer(&server, "/api/utilisateurs/groupes", ok(&groups), 1).await;
    answer(&server, "/health", status(200), 1).await;
    let crm = client(&server);
    assert_eq!(crm.users().await.unwrap()[0].id, "107");
    assert_eq!(crm.groups(true).await.unwrap()[0].nom, "EQUIPE NORD");
    crm.health().await.unwrap();
    assert!(crm.health().await.is_err(), "404 now");
}

#[tokio::test]
async fn an_id_that_is_none_is_never_sent() {
    let server = MockServer::start().await;
    for id in ["", "../users", "12a"] {
        let error = client(&server)
            .fiche(id, FicheOptions::default())
            .await
            .unwrap_err();
        assert!(matches!(error, CrmError::NotFound { .. }));
    }
    assert!(server.received_requests().await.unwrap().is_empty());
}

#[test]
fn bad_settings_are_named() {
    assert_eq!(
        CrmClient::new(CrmConfig::new("")).unwrap_err(),
        SetupError::BaseUrl {
            what: "the CRM base URL"
        }
    );
}
