use std::collections::BTreeSet;

use chrono::Days;

use super::{Crm, TODAY, day};
use crate::calls;
use crate::crm::seed::{DAYS, Depth, GROUPS, fiche_id};
use crate::crm::{Bulk, BulkError, Options, seed};

#[test]
fn a_week_of_sales_with_one_of_each_kind_of_call_every_day() {
    let fiches = seed(day(TODAY));
    assert_eq!(fiches.len(), 56);
    let days: BTreeSet<_> = fiches.iter().map(|fiche| fiche.inserted.date()).collect();
    assert_eq!(days.len() as u64, DAYS);
    let ids: BTreeSet<u64> = fiches.iter().map(|fiche| fiche.id).collect();
    assert_eq!(ids.len(), fiches.len());
    let today = &fiches[48..];
    let main: Vec<&str> = today[..6]
        .iter()
        .map(|fiche| fiche.recordings[0].slug)
        .collect();
    let expected = [
        "vente-conforme",
        "sans-annonce-enregistrement",
        "iban-trop-tot",
        "pression-commerciale",
        "mauvais-produit",
        "messagerie",
    ];
    assert_eq!(main, expected);
    assert_eq!(
        (today[6].recordings.len(), today[7].recordings.len()),
        (0, 8)
    );
    let groups: BTreeSet<&str> = today.iter().map(|fiche| fiche.adviser.groupe).collect();
    assert_eq!(groups.len(), GROUPS.len());
    assert!(
        today
            .iter()
            .filter(|fiche| fiche.depth == Depth::Full)
            .count()
            >= 3
    );
}

#[test]
fn midnight_changes_nothing_but_the_window() {
    let today = day(TODAY);
    let (before, after) = (seed(today), seed(today + Days::new(1)));
    assert_eq!(before[8..], after[..48]);
}

#[test]
fn fiches_name_those_who_speak_in_their_calls() {
    for fiche in &seed(day(TODAY))[48..] {
        for recording in fiche
            .recordings
            .iter()
            .filter(|one| one.slug != "messagerie")
        {
            let text = calls::find(recording.slug).unwrap().text.to_lowercase();
            let slug = recording.slug;
            assert!(text.contains(&fiche.client.nom.to_lowercase()), "{slug}");
            // Only the welcome comes from somebody else.
            let adviser = fiche.adviser.full_name().to_lowercase();
            assert!(
                text.contains(&adviser) || slug == "appel-bienvenue",
                "{slug}"
            );
        }
    }
}

#[test]
fn every_recording_is_of_a_known_call() {
    for fiche in seed(day(TODAY)) {
        for recording in fiche.recordings {
            assert!(calls::find(recording.slug).is_some(), "{}", recording.slug);
            assert_eq!(recording.call_id.len(), 20);
            assert!(recording.start.date() == fiche.inserted.date());
        }
    }
}

#[test]
fn bulk_is_read_from_text() {
    let bulk: Bulk = "5000@2025-03-01..2025-03-10".parse().unwrap();
    assert_eq!(
        bulk,
        Bulk {
            count: 5000,
            first: day("2025-03-01"),
            last: day("2025-03-10"),
        }
    );
    assert_eq!("12".parse::<Bulk>().map(|bulk| bulk.count), Ok(12));
    for wrong in ["", "x", "5@2025-03-01", "5@2025-03-02..2025-03-01"] {
        assert_eq!(wrong.parse::<Bulk>(), Err(BulkError), "{wrong}");
    }
}

#[tokio::test]
async fn bulk_fiches_are_spread_over_their_days_and_found_by_id() {
    let crm = Crm::with(Options {
        bulk: Some("25@2025-03-01..2025-03-10".parse().unwrap()),
        ..Options::default()
    })
    .await;
    let list = crm
        .json("/api/fiches/sales-with-calls?start_date=2025-03-05&end_date=2025-03-06&include_recordings=true")
        .await;
    // Five days get three, the others two.
    assert_eq!(list["total"], 5);
    for row in list["fiches"].as_array().unwrap() {
        assert_eq!(row["recordings"].as_array().unwrap().len(), 1);
        let id = row["id"].as_str().unwrap();
        let details = crm.json(&format!("/api/fiches/by-id/{id}")).await;
        assert_eq!(details["recordings"], row["recordings"]);
        let url = details["recordings"][0]["recording_url"].as_str().unwrap();
        let answer = crm.get(url.strip_prefix(&crm.url).unwrap()).await;
        assert_eq!(answer.status(), 200);
    }
    let all = crm
        .json("/api/fiches/sales-with-calls?start_date=2025-01-01&end_date=2025-12-31")
        .await;
    assert_eq!(all["total"], 25);
    let beyond = crm
        .get(&format!("/api/fiches/by-id/{}", Bulk::fiche_id(25)))
        .await;
    assert_eq!(beyond.status(), 404);
    assert_eq!(
        crm.details(0).await["information"]["fiche_id"],
        fiche_id(day(TODAY), 0).to_string()
    );
}
