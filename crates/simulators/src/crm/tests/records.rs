use serde_json::Value;

use super::{Crm, TODAY, day};
use crate::calls;
use crate::crm::seed;

#[tokio::test]
async fn every_recording_is_audio_of_its_call_at_an_address_of_this_host() {
    let crm = Crm::start().await;
    let fiches = seed(day(TODAY));
    for place in 0..8_usize {
        let fiche = fiches.iter().rev().nth(7 - place).unwrap();
        let details = crm.details(place as u64).await;
        let recordings = details["recordings"].as_array().unwrap();
        for (shown, seeded) in recordings.iter().zip(fiche.recordings.iter().rev()) {
            let url = shown["recording_url"].as_str().unwrap();
            let answer = crm.get(url.strip_prefix(&crm.url).unwrap()).await;
            assert_eq!(answer.status(), 200);
            assert_eq!(answer.headers()["content-type"], "audio/mpeg");
            assert_eq!(answer.bytes().await.unwrap(), calls::audio(seeded.slug));
        }
    }
}

#[tokio::test]
async fn file_names_say_when_and_who() {
    let crm = Crm::start().await;
    let pattern = regex::Regex::new(
        "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}-(14-01-26-[0-9]{2}h[0-9]{2})-([0-9]+)-([0-9]+)[.]mp3$",
    )
    .unwrap();
    let details = crm.details(0).await;
    for recording in details["recordings"].as_array().unwrap() {
        let url = recording["recording_url"].as_str().unwrap();
        let name = url.rsplit('/').next().unwrap();
        let parts = pattern.captures(name).unwrap_or_else(|| panic!("{name}"));
        let start = recording["start_time"].as_str().unwrap();
        let clock = format!("14-01-26-{}h{}", &start[11..13], &start[14..16]);
        assert_eq!(&parts[2], clock);
        assert_eq!(&parts[3], recording["from_number"].as_str().unwrap());
        assert_eq!(&parts[4], recording["to_number"].as_str().unwrap());
    }
}

#[tokio::test]
async fn recordings_come_newest_first_with_ids_of_their_own() {
    let crm = Crm::start().await;
    let details = crm.details(7).await;
    let recordings = details["recordings"].as_array().unwrap();
    let starts: Vec<&str> = recordings
        .iter()
        .map(|recording| recording["start_time"].as_str().unwrap())
        .collect();
    assert!(
        starts.is_sorted_by(|newer, older| newer > older),
        "{starts:?}"
    );
    let mut ids: Vec<&Value> = recordings.iter().map(|one| &one["call_id"]).collect();
    ids.dedup();
    assert_eq!(ids.len(), 8);
}
