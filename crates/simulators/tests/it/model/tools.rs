//! Tool calls, as an analyzer with transcript tools gets them.

use serde_json::{Value, json};
use vigie_scorecard::parse_model_output;

use super::{content, request, timeline};
use crate::world;

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
