//! What it says of the calls, and of what it was told to get wrong.

use serde_json::{Value, json};
use vigie_scorecard::{MinQuoteChars, NormalizedTimeline, parse_model_output};
use vigie_simulators::calls;

use super::{STEPS, audit, citations, content, request, statuts, timeline};
use crate::world;

#[tokio::test]
async fn every_quote_of_every_call_is_verbatim_in_its_chunk() {
    for call in calls::all() {
        let (steps, timeline) = audit(call.slug).await;
        for citation in citations(&steps) {
            assert!(
                timeline.confirms(citation, MinQuoteChars::default()),
                "{}: {citation:?}",
                call.slug
            );
        }
        for (step, (_, points)) in steps.iter().zip(STEPS) {
            assert_eq!(step.points_controle.len(), points.len());
        }
    }
}

#[tokio::test]
async fn the_compliant_call_has_evidence_for_every_point() {
    let (steps, _) = audit("vente-conforme").await;
    for (step, (weight, _)) in steps.iter().zip(STEPS) {
        assert_eq!(u32::try_from(step.score).unwrap(), *weight, "{step:#?}");
        assert!(statuts(step).iter().all(|statut| *statut == "PRESENT"));
    }
}

#[tokio::test]
async fn the_faults_of_the_other_calls_are_found() {
    let (steps, _) = audit("sans-annonce-enregistrement").await;
    assert_eq!(statuts(&steps[0])[2..4], ["ABSENT", "ABSENT"]);
    let (steps, _) = audit("pression-commerciale").await;
    assert_eq!(statuts(&steps[5])[1..3], ["ABSENT", "ABSENT"]);
    let (steps, _) = audit("mauvais-produit").await;
    assert_eq!(
        statuts(&steps[1])[1],
        "ABSENT",
        "the aid was to be given up"
    );
    let (steps, _) = audit("messagerie").await;
    assert!(steps.iter().map(|step| step.score).sum::<i32>() < 15);
}

#[tokio::test]
async fn the_ways_it_goes_wrong() {
    let world = world().await;
    let timeline = timeline("premier-contact");
    let request = request(&timeline, 0);
    let llm = &world.simulators.llm_url;
    let one = |kind: &str| json!({ "kind": kind, "count": 1 });

    world.fault(llm, one("schema_violation")).await;
    let text = content(world.ask(&request).await).await;
    assert!(serde_json::from_str::<Value>(&text).is_ok());
    assert!(parse_model_output(&text).is_err());

    world.fault(llm, one("malformed_json")).await;
    let text = content(world.ask(&request).await).await;
    assert!(serde_json::from_str::<Value>(&text).is_err());

    world.fault(llm, one("missing_brace")).await;
    let text = content(world.ask(&request).await).await;
    assert!(serde_json::from_str::<Value>(&text).is_err());
    assert!(parse_model_output(&text).is_ok(), "repaired by one brace");

    world.fault(llm, one("truncated")).await;
    let body: Value = world.ask(&request).await.json().await.unwrap();
    assert_eq!(body["choices"][0]["finish_reason"], "length");

    world.fault(llm, one("refusal")).await;
    let body: Value = world.ask(&request).await.json().await.unwrap();
    assert!(body["choices"][0]["message"]["refusal"].is_string());
    assert_eq!(body["choices"][0]["message"]["content"], Value::Null);

    world.fault(llm, one("hallucination")).await;
    let step = parse_model_output(&content(world.ask(&request).await).await).unwrap();
    let timeline = NormalizedTimeline::new(timeline);
    let steps = [step];
    let invented = citations(&steps);
    assert!(!invented.is_empty());
    assert!(
        !invented
            .iter()
            .any(|citation| timeline.confirms(citation, MinQuoteChars::default()))
    );

    let step = parse_model_output(&content(world.ask(&request).await).await).unwrap();
    assert!(step.score > 0, "and then it is well again");
}
