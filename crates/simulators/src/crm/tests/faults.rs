use serde_json::{Value, json};

use super::{Crm, TODAY, day};
use crate::crm::fault;
use crate::crm::seed::fiche_id;
use crate::faults::{Rule, kind};

#[tokio::test]
async fn not_found_first_and_found_afterwards() {
    let crm = Crm::start().await;
    let path = format!("/api/fiches/by-id/{}", fiche_id(day(TODAY), 0));
    crm.faults.add(Rule {
        path: path.clone(),
        count: 2,
        ..Rule::new(kind::NOT_FOUND_THEN_OK)
    });
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(crm.get(&path).await.status().as_u16());
    }
    assert_eq!(statuses, [404, 404, 200]);
}

#[tokio::test]
async fn success_can_be_false_under_200() {
    let crm = Crm::start().await;
    crm.fault(kind::SUCCESS_FALSE);
    assert_eq!(crm.details(0).await["success"], false);
    assert_eq!(crm.details(0).await["success"], true);
}

#[tokio::test]
async fn one_row_can_be_malformed() {
    let crm = Crm::start().await;
    crm.fault(fault::MALFORMED_ROW);
    let path = format!("/api/fiches/sales-with-calls?start_date={TODAY}&end_date={TODAY}");
    let list = crm.json(&path).await;
    let rows = list["fiches"].as_array().unwrap();
    assert_eq!(rows.iter().filter(|row| !row.is_object()).count(), 1);
    crm.fault(fault::MALFORMED_ROW);
    let users = crm.json("/api/utilisateurs").await;
    let rows = users["data"]["utilisateurs"].as_array().unwrap();
    assert_eq!(rows.iter().filter(|row| !row.is_object()).count(), 1);
}

#[tokio::test]
async fn a_section_can_be_missing() {
    let crm = Crm::start().await;
    crm.fault(fault::MISSING_SECTION);
    assert!(crm.details(0).await.get("prospect").is_none());
    crm.faults.add(Rule {
        count: 1,
        body: Some(json!("information")),
        ..Rule::new(fault::MISSING_SECTION)
    });
    assert!(crm.details(0).await.get("information").is_none());
    assert!(crm.details(0).await.get("information").is_some());
}

#[tokio::test]
async fn ids_can_be_numbers() {
    let crm = Crm::start().await;
    crm.fault(fault::NUMERIC_IDS);
    let details = crm.details(0).await;
    assert_eq!(
        details["information"]["fiche_id"],
        json!(fiche_id(day(TODAY), 0))
    );
    assert!(details["information"]["attribution_user_id"].is_number());
    assert!(details["prospect"]["nom"].is_string());
}

#[tokio::test]
async fn recordings_can_lack_address_and_zone() {
    let crm = Crm::start().await;
    crm.fault(fault::BLANK_RECORDING_URL);
    crm.fault(fault::NAIVE_START_TIME);
    let details = crm.details(7).await;
    let recordings = details["recordings"].as_array().unwrap();
    assert_eq!(recordings.len(), 8);
    for recording in recordings {
        assert_eq!(recording["recording_url"], "");
        let start = recording["start_time"].as_str().unwrap();
        assert!(start.parse::<chrono::NaiveDateTime>().is_ok(), "{start}");
    }
}

#[tokio::test]
async fn requests_are_recorded_by_what_they_ask_for() {
    let crm = Crm::start().await;
    crm.details(0).await;
    crm.details(0).await;
    let calls: Value = crm.json("/__calls").await;
    let key = format!("fiche:{}", fiche_id(day(TODAY), 0));
    assert_eq!(calls["by_key"][key], 2);
}
