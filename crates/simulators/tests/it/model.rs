//! The model: answers that follow the transcript, and the ways it goes wrong.

use serde_json::{Value, json};
use vigie_scorecard::{
    Citation, MinQuoteChars, NormalizedTimeline, SourceRecording, StepResult, Timeline, Word,
    chunks_of_words, llm_schema, parse_model_output, timeline_text,
};
use vigie_simulators::calls;

use crate::{hello, world};

/// The six steps of the demonstration scorecard: weight and control points.
const STEPS: &[(u32, &[&str])] = &[
    (
        10,
        &[
            "Nom de l'agent et du cabinet annoncés",
            "Immatriculation ORIAS citée",
            "Enregistrement annoncé avec droit d'opposition",
            "Durée de conservation indiquée",
            "Aucune fausse qualité revendiquée",
        ],
    ),
    (
        10,
        &[
            "Question CSS / AME posée",
            "Arrêt de la vente en cas d'aide",
            "Assureur actuel identifié",
            "Ancienneté du contrat vérifiée",
        ],
    ),
    (
        9,
        &[
            "Motif du changement compris",
            "Postes de soins passés en revue",
            "Bénéficiaires identifiés",
            "Budget mensuel demandé",
            "Reformulation faite",
        ],
    ),
    (
        8,
        &[
            "Formule nommée",
            "Montants conformes aux tableaux",
            "100 % Santé expliqué",
            "Exclusions et plafonds signalés",
            "Formule adaptée aux besoins",
        ],
    ),
    (
        8,
        &[
            "Mode de résiliation expliqué",
            "Cotisation mensuelle annoncée",
            "Frais annexes annoncés",
            "Date d'effet validée",
            "Renonciation de 14 jours citée",
        ],
    ),
    (
        5,
        &[
            "Synthèse finale faite",
            "Accord explicite obtenu",
            "Aucune pression commerciale",
            "Suite du dossier annoncée",
        ],
    ),
];

fn timeline(slug: &str) -> Timeline {
    let call = calls::find(slug).unwrap();
    let words: Vec<Word> =
        serde_json::from_value(serde_json::to_value(&call.words).unwrap()).unwrap();
    let (timeline, missing) = Timeline::build(vec![SourceRecording {
        id: "1".to_owned(),
        call_id: "7001".to_owned(),
        start_time: Some("2026-01-14T08:32:10.000Z".to_owned()),
        recording_date: Some("14/01/2026".to_owned()),
        recording_time: Some("08:32".to_owned()),
        recording_url: Some("https://records.example.test/1.mp3".to_owned()),
        has_transcription: true,
        chunks: chunks_of_words(&words),
        ..SourceRecording::default()
    }]);
    assert!(missing.is_empty());
    timeline
}

fn request(timeline: &Timeline, step: usize) -> Value {
    let (weight, points) = STEPS[step];
    let numbered: Vec<String> = points
        .iter()
        .enumerate()
        .map(|(place, point)| format!("{}. {point}", place + 1))
        .collect();
    let question = format!(
        "## Étape {}/6 : essai\nGravité : HIGH. Poids : {weight}.\n\n### Points de contrôle\n{}\n\n\
         ### Mots-clés\nORIAS, courtier\n",
        step + 1,
        numbered.join("\n")
    );
    let text = format!(
        "<transcription>\n{}</transcription>",
        timeline_text(timeline)
    );
    json!({
        "model": "gpt-5.2",
        "temperature": 0,
        "messages": [
            { "role": "system", "content": "Tu es un contrôleur." },
            { "role": "user", "content": text },
            { "role": "user", "content": question },
        ],
        "response_format": {
            "type": "json_schema",
            "json_schema": { "name": "etape", "strict": true, "schema": llm_schema() },
        },
    })
}

async fn content(answer: reqwest::Response) -> String {
    let body: Value = answer.json().await.unwrap();
    body["choices"][0]["message"]["content"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

async fn audit(slug: &str) -> (Vec<StepResult>, NormalizedTimeline) {
    let world = world().await;
    let timeline = timeline(slug);
    let mut steps = Vec::new();
    for step in 0..STEPS.len() {
        let answer = world.ask(&request(&timeline, step)).await;
        steps.push(parse_model_output(&content(answer).await).unwrap());
    }
    (steps, NormalizedTimeline::new(timeline))
}

fn citations(steps: &[StepResult]) -> Vec<&Citation> {
    steps
        .iter()
        .flat_map(|step| &step.points_controle)
        .flat_map(|point| &point.citations)
        .collect()
}

fn statuts(step: &StepResult) -> Vec<&'static str> {
    step.points_controle
        .iter()
        .map(|point| point.statut.as_str())
        .collect()
}

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
async fn usage_counts_tokens_and_the_shared_beginning() {
    let world = world().await;
    let timeline = timeline("vente-conforme");
    let usage = |answer: Value| answer["usage"].clone();
    let first: Value = world
        .ask(&request(&timeline, 0))
        .await
        .json()
        .await
        .unwrap();
    let second: Value = world
        .ask(&request(&timeline, 1))
        .await
        .json()
        .await
        .unwrap();
    let (first, second) = (usage(first), usage(second));
    assert_eq!(first["prompt_tokens_details"]["cached_tokens"], 0);
    let cached = second["prompt_tokens_details"]["cached_tokens"].as_u64();
    assert!(cached > Some(3_000), "{second}");
    assert_eq!(
        second["total_tokens"].as_u64(),
        Some(
            second["prompt_tokens"].as_u64().unwrap()
                + second["completion_tokens"].as_u64().unwrap()
        )
    );
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

#[tokio::test]
async fn other_schemas_get_a_minimal_instance() {
    let world = world().await;
    let mut request = hello();
    request["response_format"] = json!({
        "type": "json_schema",
        "json_schema": { "name": "x", "schema": {
            "type": "object", "required": ["kind"], "additionalProperties": false,
            "properties": { "kind": { "enum": ["a", "b"] } },
        } },
    });
    assert_eq!(content(world.ask(&request).await).await, r#"{"kind":"a"}"#);
}

#[tokio::test]
async fn streams_carry_the_same_answer_and_the_usage() {
    let world = world().await;
    let timeline = timeline("messagerie");
    let mut request = request(&timeline, 0);
    let whole = content(world.ask(&request).await).await;
    request["stream"] = json!(true);
    request["stream_options"] = json!({ "include_usage": true });
    let answer = world.ask(&request).await;
    assert_eq!(answer.headers()["content-type"], "text/event-stream");
    let text = answer.text().await.unwrap();
    let frames: Vec<&str> = text
        .split("\n\n")
        .filter_map(|frame| frame.strip_prefix("data: "))
        .collect();
    assert_eq!(frames.last(), Some(&"[DONE]"));
    let chunks: Vec<Value> = frames[..frames.len() - 1]
        .iter()
        .map(|frame| serde_json::from_str(frame).unwrap())
        .collect();
    let streamed: String = chunks
        .iter()
        .filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str())
        .collect();
    assert_eq!(streamed, whole);
    let last = chunks.last().unwrap();
    assert_eq!(last["choices"], json!([]));
    assert!(last["usage"]["total_tokens"].as_u64() > Some(0));
}

#[tokio::test]
async fn with_tools_it_searches_then_reads_then_answers() {
    let world = world().await;
    let timeline = timeline("premier-contact");
    let mut request = request(&timeline, 0);
    request["messages"].as_array_mut().unwrap().remove(1);
    request["tools"] = json!([
        { "type": "function", "function": { "name": "searchTranscript", "parameters": {
            "type": "object", "required": ["query", "maxResults"],
            "properties": {
                "query": { "type": "string" }, "maxResults": { "type": ["integer", "null"] },
            },
        } } },
        { "type": "function", "function": { "name": "getTranscriptChunks", "parameters": {
            "type": "object", "required": ["chunks"],
            "properties": { "chunks": { "type": "array", "items": { "type": "object" } } },
        } } },
    ]);
    request["tool_choice"] = json!("required");
    let body: Value = world.ask(&request).await.json().await.unwrap();
    assert_eq!(body["choices"][0]["finish_reason"], "tool_calls");
    let call = body["choices"][0]["message"]["tool_calls"][0].clone();
    assert_eq!(call["function"]["name"], "searchTranscript");
    let arguments: Value =
        serde_json::from_str(call["function"]["arguments"].as_str().unwrap()).unwrap();
    assert!(arguments["query"].as_str().unwrap().contains("ORIAS"));

    let reply = |request: &mut Value, call: &Value, result: Value| {
        let messages = request["messages"].as_array_mut().unwrap();
        messages.push(json!({ "role": "assistant", "content": null, "tool_calls": [call] }));
        messages.push(
            json!({ "role": "tool", "tool_call_id": call["id"], "content": result.to_string() }),
        );
    };
    let found = json!({ "matches": [{ "recording_index": 0, "chunk_index": 0 }] });
    reply(&mut request, &call, found);
    request["tool_choice"] = json!("auto");
    let body: Value = world.ask(&request).await.json().await.unwrap();
    let call = body["choices"][0]["message"]["tool_calls"][0].clone();
    assert_eq!(call["function"]["name"], "getTranscriptChunks");
    let arguments: Value =
        serde_json::from_str(call["function"]["arguments"].as_str().unwrap()).unwrap();
    assert_eq!(arguments["chunks"], found_chunks());

    let chunk = timeline.chunk(0, 0).unwrap();
    let read = json!({ "chunks": [{
        "recording_index": 0, "chunk_index": 0, "minutage_secondes": 0.0,
        "full_text": chunk.full_text,
    }] });
    reply(&mut request, &call, read);
    let step = parse_model_output(&content(world.ask(&request).await).await).unwrap();
    assert!(step.total_citations() > 0);
    let keys = world.calls(&world.simulators.llm_url).await["by_key"].clone();
    assert!(keys.as_object().unwrap().values().all(|count| count == 1));
}

fn found_chunks() -> Value {
    json!([{ "recording_index": 0, "chunk_index": 0 }])
}

#[tokio::test]
async fn a_named_call_is_counted_under_its_name() {
    let world = world().await;
    let llm = &world.simulators.llm_url;
    let mut named = hello();
    named["user"] = json!("audit-7-step-2");
    world.ask(&named).await;
    let url = format!("{llm}/chat/completions");
    let request = world
        .client
        .post(url)
        .header("x-vigie-call-key", "audit-7-step-3");
    request.json(&named).send().await.unwrap();
    let calls = world.calls(llm).await;
    assert_eq!(
        calls["by_key"],
        json!({ "audit-7-step-2": 1, "audit-7-step-3": 1 })
    );
}

#[tokio::test]
async fn it_knows_its_key_and_lists_models() {
    let world = crate::world_with(vigie_simulators::Options {
        llm_key: Some("sk-good".into()),
        ..vigie_simulators::Options::default()
    })
    .await;
    let refused = world.ask(&hello()).await;
    assert_eq!(refused.status(), 401);
    let body: Value = refused.json().await.unwrap();
    assert_eq!(body["error"]["code"], "invalid_api_key");
    let url = format!("{}/v1/chat/completions", world.simulators.llm_url);
    let request = world.client.post(url).bearer_auth("sk-good").json(&hello());
    assert_eq!(request.send().await.unwrap().status(), 200);
    let url = format!("{}/v1/models", world.simulators.llm_url);
    let models: Value = world
        .client
        .get(url)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(models["object"], "list");
}
