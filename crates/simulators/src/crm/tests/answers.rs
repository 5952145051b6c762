use std::collections::BTreeSet;

use serde_json::Value;

use super::{Crm, TODAY, day};
use crate::crm::Options;
use crate::crm::seed::fiche_id;

const DETAILS: &[&str] = &[
    "alertes",
    "autres_contrats",
    "commentaires",
    "conjoint",
    "documents",
    "elements_souscription",
    "enfants",
    "information",
    "mails",
    "message",
    "prospect",
    "raw_sections",
    "reclamations",
    "recordings",
    "rendez_vous",
    "success",
    "tarification",
];

fn keys(value: &Value) -> Vec<&str> {
    value
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect()
}

fn ids(list: &Value) -> Vec<&str> {
    let rows = list["fiches"].as_array().unwrap();
    rows.iter().map(|row| row["id"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn lists_the_sales_of_both_bounds_and_nothing_else() {
    let crm = Crm::start().await;
    let list = crm
        .json("/api/fiches/sales-with-calls?start_date=2026-01-12&end_date=2026-01-13&status_id=53")
        .await;
    assert_eq!(list["total"], 16);
    let expected: Vec<String> = ["2026-01-12", "2026-01-13"]
        .iter()
        .flat_map(|date| (0..8).map(|place| fiche_id(day(date), place).to_string()))
        .collect();
    assert_eq!(ids(&list), expected);
    let tomorrow = crm
        .json("/api/fiches/sales-with-calls?start_date=2026-01-15&end_date=2026-01-20")
        .await;
    assert_eq!(tomorrow["total"], 0);
    let no_sales = crm
        .json("/api/fiches/sales-with-calls?start_date=2026-01-12&end_date=2026-01-13&status_id=7")
        .await;
    assert_eq!(no_sales["total"], 0);
}

#[tokio::test]
async fn sales_have_recordings_only_when_asked_and_no_group() {
    let crm = Crm::start().await;
    let path = format!("/api/fiches/sales-with-calls?start_date={TODAY}&end_date={TODAY}");
    let without = crm.json(&path).await;
    for row in without["fiches"].as_array().unwrap() {
        let expected = [
            "cle",
            "date_insertion",
            "date_modification",
            "email",
            "id",
            "nom",
            "prenom",
            "statut",
            "telephone",
            "telephone_2",
        ];
        assert_eq!(
            keys(row).into_iter().collect::<BTreeSet<_>>(),
            BTreeSet::from(expected)
        );
    }
    let with = crm.json(&format!("{path}&include_recordings=true")).await;
    let counts: Vec<usize> = with["fiches"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["recordings"].as_array().unwrap().len())
        .collect();
    assert_eq!(counts, [2, 1, 1, 1, 1, 1, 0, 8]);
}

#[tokio::test]
async fn dates_are_required() {
    let crm = Crm::start().await;
    for query in [
        "",
        "?start_date=2026-01-14",
        "?start_date=14/01/2026&end_date=2026-01-14",
    ] {
        let answer = crm
            .get(&format!("/api/fiches/sales-with-calls{query}"))
            .await;
        assert_eq!(answer.status(), 400, "{query}");
    }
}

#[tokio::test]
async fn details_have_every_key_whatever_is_filled_in() {
    let crm = Crm::start().await;
    let full = crm.details(0).await;
    for place in 0..8 {
        let details = crm.details(place).await;
        let found: BTreeSet<&str> = keys(&details).into_iter().collect();
        assert_eq!(found, DETAILS.iter().copied().collect());
        assert_eq!(keys(&details["information"]), keys(&full["information"]));
    }
    assert_eq!(full["information"].as_object().unwrap().len(), 38);
    assert_eq!(full["prospect"].as_object().unwrap().len(), 25);
    for section in DETAILS {
        let value = &full[*section];
        let empty = value.is_null() || value.as_array().is_some_and(Vec::is_empty);
        assert!(!empty, "{section} is empty");
    }
    let bare = crm.details(6).await;
    for section in ["prospect", "conjoint", "elements_souscription"] {
        assert!(bare[section].is_null());
    }
}

#[tokio::test]
async fn the_mail_with_the_quote_comes_only_when_asked() {
    let crm = Crm::start().await;
    for (place, sent) in [(0, true), (6, false)] {
        let id = fiche_id(day(TODAY), place);
        let path = format!("/api/fiches/by-id/{id}?include_mail_devis=true");
        let details = crm.json(&path).await;
        assert_eq!(details["mail_devis"].is_object(), sent);
        assert!(details.as_object().unwrap().contains_key("mail_devis"));
        assert!(crm.details(place).await.get("mail_devis").is_none());
    }
}

#[tokio::test]
async fn details_leave_recordings_out_when_told_so() {
    let crm = Crm::start().await;
    let id = fiche_id(day(TODAY), 7);
    let path = format!("/api/fiches/by-id/{id}?include_recordings=false");
    assert_eq!(crm.json(&path).await["recordings"], serde_json::json!([]));
}

#[tokio::test]
async fn an_unknown_fiche_is_not_found() {
    let crm = Crm::start().await;
    for id in ["1", "abc", "2220599", "99999999999999999999"] {
        let answer = crm.get(&format!("/api/fiches/by-id/{id}")).await;
        assert_eq!(answer.status(), 404, "{id}");
        let body: Value = answer.json().await.unwrap();
        assert_eq!(
            body,
            serde_json::json!({ "success": false, "message": "Fiche introuvable" })
        );
    }
}

#[tokio::test]
async fn groups_name_their_users_when_asked_and_fiches_name_groups() {
    let crm = Crm::start().await;
    let groups = crm
        .json("/api/utilisateurs/groupes?include_users=true")
        .await;
    let groups = groups["data"]["groupes"].as_array().unwrap();
    assert_eq!(groups.len(), 3);
    let without = crm.json("/api/utilisateurs/groupes").await;
    assert!(without["data"]["groupes"][0].get("user_ids").is_none());
    let users = crm.json("/api/utilisateurs").await;
    let users = users["data"]["utilisateurs"].as_array().unwrap();
    assert!(users.len() >= 5);
    for place in 0..8 {
        let information = &crm.details(place).await["information"];
        let group = groups
            .iter()
            .find(|group| group["nom"] == information["groupe"])
            .unwrap();
        let seller = &information["attribution_user_id"];
        assert!(group["user_ids"].as_array().unwrap().contains(seller));
        assert!(users.iter().any(|user| user["id"] == *seller));
    }
}

#[tokio::test]
async fn the_token_is_required_but_for_health_and_audio() {
    let crm = Crm::with(Options {
        token: Some("geheim".into()),
        ..Options::default()
    })
    .await;
    assert_eq!(crm.get("/health").await.status(), 200);
    assert_eq!(crm.get("/records/none.mp3").await.status(), 404);
    let url = format!("{}/api/utilisateurs", crm.url);
    for (given, status) in [
        (None, 401),
        (Some("Bearer wrong"), 401),
        (Some("Basic geheim"), 401),
        (Some("Bearer geheim"), 200),
        (Some("bearer geheim"), 200),
    ] {
        let mut request = crm.client.get(&url);
        if let Some(given) = given {
            request = request.header("authorization", given);
        }
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), status, "{given:?}");
    }
}
