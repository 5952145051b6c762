use std::time::Duration;

use rstest::rstest;
use secrecy::SecretString;
use serde_json::{Value, json};
use vigie_upstream::llm::{
    ChatMessage, ChatRequest, FinishReason, LlmClient, LlmConfig, LlmError, ToolCall, Usage,
};
use vigie_upstream::retry::RetryPolicy;
use wiremock::matchers::{header, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

const KEY: &str = "sk-very-secret";

fn client(server: &MockServer) -> LlmClient {
    LlmClient::new(LlmConfig {
        api_key: Some(SecretString::from(KEY.to_owned())),
        budget: Duration::from_secs(20),
        retry: RetryPolicy {
            base: Duration::from_millis(1),
            ..RetryPolicy::STANDARD.with_attempts(4)
        },
        ..LlmConfig::new(format!("{}/v1", server.uri()), "gpt-5.2")
    })
    .unwrap()
}

fn ask() -> ChatRequest {
    ChatRequest {
        messages: vec![ChatMessage::User("PROMPT".into())],
        call_key: Some("step-1-turn-2".into()),
        ..ChatRequest::default()
    }
}

fn completion() -> Value {
    json!({"id": "x", "model": "gpt-5.2-2026", "choices": [{"index": 0, "finish_reason": "stop",
            "message": {"role": "assistant", "content": "{\"traite\":true}", "refusal": null}}],
        "usage": {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120,
            "prompt_tokens_details": {"cached_tokens": 64}}})
}

async fn answer(server: &MockServer, template: ResponseTemplate, times: u64) {
    Mock::given(method("POST"))
        .and(path("/v1/chat/completions"))
        .respond_with(template)
        .up_to_n_times(times)
        .expect(times)
        .mount(server)
        .await;
}

fn ok(body: &Value) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(body)
}

#[tokio::test]
async fn a_completion_comes_with_its_cost() {
    let server = MockServer::start().await;
    Mock::given(path("/v1/chat/completions"))
        .and(header("authorization", format!("Bearer {KEY}").as_str()))
        .and(header("x-vigie-call-key", "step-1-turn-2"))
        .respond_with(ok(&completion()).insert_header("x-request-id", "req_9"))
        .expect(1)
        .mount(&server)
        .await;
    let answer = client(&server).complete(ask()).await.unwrap();
    assert_eq!(answer.content.as_deref(), Some("{\"traite\":true}"));
    assert_eq!(answer.finish_reason, FinishReason::Stop);
    assert_eq!(answer.model, "gpt-5.2-2026");
    assert_eq!(
        answer.usage,
        Usage {
            prompt_tokens: 100,
            cached_tokens: 64,
            completion_tokens: 20,
            total_tokens: 120
        }
    );
    assert_eq!(answer.attempts, 1);
    assert_eq!(answer.request_id.as_deref(), Some("req_9"));
}

#[tokio::test]
async fn tool_calls_and_refusals_are_read() {
    let server = MockServer::start().await;
    let tools = json!({"choices": [{"finish_reason": "tool_calls", "message": {"content": null, "tool_calls": [
        {"id": "c1", "type": "function", "function": {"name": "searchTranscript", "arguments": "{\"query\":"}}]}}]});
    answer(&server, ok(&tools), 1).await;
    let refusal = json!({"choices": [{"finish_reason": "stop", "message": {"content": "", "refusal": "no"}}]});
    answer(&server, ok(&refusal), 1).await;
    let llm = client(&server);
    let first = llm.complete(ask()).await.unwrap();
    assert_eq!(
        first.tool_calls,
        [ToolCall {
            id: "c1".into(),
            name: "searchTranscript".into(),
            arguments: "{\"query\":".into()
        }]
    );
    assert_eq!(
        (first.content, first.finish_reason, first.model.as_str()),
        (None, FinishReason::ToolCalls, "gpt-5.2")
    );
    let second = llm.complete(ask()).await.unwrap();
    assert_eq!(
        (second.content, second.refusal.as_deref()),
        (None, Some("no"))
    );
    assert_eq!(second.usage, Usage::default());
}

#[rstest]
#[case(ResponseTemplate::new(408))]
#[case(ResponseTemplate::new(429))]
#[case(ResponseTemplate::new(500))]
#[case(ResponseTemplate::new(200).set_body_string("{\"choices\": ["))]
#[tokio::test]
async fn what_may_pass_is_tried_four_times(#[case] trouble: ResponseTemplate) {
    let server = MockServer::start().await;
    answer(&server, trouble, 3).await;
    answer(&server, ok(&completion()), 1).await;
    assert_eq!(client(&server).complete(ask()).await.unwrap().attempts, 4);
}

#[rstest]
#[case(
    400,
    "context_length_exceeded",
    1,
    "language model refused the request status=400 code=context_length_exceeded"
)]
#[case(
    401,
    "invalid_api_key",
    1,
    "language model refused the key status=401 code=invalid_api_key"
)]
#[case(403, "x", 1, "language model refused the key status=403 code=x")]
#[case(
    404,
    "model_not_found",
    1,
    "language model refused the request status=404 code=model_not_found"
)]
#[case(
    422,
    "You said PROMPT",
    1,
    "language model refused the request status=422"
)]
#[case(
    429,
    "insufficient_quota",
    1,
    "language model quota exhausted status=429"
)]
#[case(
    503,
    "overloaded",
    4,
    "language model unavailable status=503 code=overloaded"
)]
#[tokio::test]
async fn errors_say_enough_and_no_more(
    #[case] status: u16,
    #[case] code: &str,
    #[case] attempts: u64,
    #[case] text: &str,
) {
    let server = MockServer::start().await;
    let message = format!("Incorrect key {KEY} for PROMPT");
    let body = json!({"error": {"message": message, "code": code}});
    answer(
        &server,
        ResponseTemplate::new(status).set_body_json(body),
        attempts,
    )
    .await;
    let error = client(&server).complete(ask()).await.unwrap_err();
    assert_eq!(error.to_string(), text);
    let all = format!("{error:?}");
    assert!(!all.contains(KEY) && !all.contains("PROMPT"));
}

#[tokio::test]
async fn a_wait_beyond_the_budget_is_the_callers() {
    let server = MockServer::start().await;
    let busy = ResponseTemplate::new(429).insert_header("retry-after", "300");
    answer(&server, busy, 1).await;
    let error = client(&server).complete(ask()).await.unwrap_err();
    assert_eq!(error.retry_after(), Some(Duration::from_mins(5)));
    assert!(error.is_transient());
}

#[tokio::test]
async fn a_slow_model_ends_with_the_callers_budget() {
    let server = MockServer::start().await;
    answer(
        &server,
        ok(&completion()).set_delay(Duration::from_secs(30)),
        1,
    )
    .await;
    let llm = client(&server);
    let outcome = llm.complete_within(ask(), Duration::from_millis(200)).await;
    assert_eq!(outcome.unwrap_err(), LlmError::Timeout);
}

#[rstest]
#[case(json!({"choices": []}), "no choice")]
#[case(json!({"choices": [{"message": 3}]}), "not a chat completion")]
#[case(json!("hi"), "not a chat completion")]
#[tokio::test]
async fn what_is_no_completion_is_malformed(#[case] body: Value, #[case] why: &'static str) {
    let server = MockServer::start().await;
    answer(&server, ok(&body), 1).await;
    let error = client(&server).complete(ask()).await.unwrap_err();
    assert_eq!(error, LlmError::Malformed(why));
}
