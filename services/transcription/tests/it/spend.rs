//! What requests cost, and what the breaker tells.

use crate::world::World;
use vigie_simulators::faults::{Rule, kind};

async fn world() -> World {
    World::with(&[
        ("MODEL_PRICES", r#"{"scribe_v2": {"second": 0.0001}}"#),
        ("TRANSCRIPTION_PROVIDER_TIMEOUT_MS", "1000"),
    ])
    .await
}

async fn calls(world: &World) -> Vec<(i32, String, Option<i32>, Option<i64>)> {
    sqlx::query_as(
        "SELECT attempt, outcome, audio_seconds, cost_micros FROM speech_calls ORDER BY attempt",
    )
    .fetch_all(world.pool())
    .await
    .unwrap()
}

#[tokio::test]
async fn refused_requests_are_free_and_unanswered_ones_may_not_be() {
    let world = world().await;
    let run = world.running("44", &["a"]).await;
    world.simulators.stt.add(Rule {
        status: Some(503),
        count: 1,
        ..Rule::new(kind::STATUS)
    });
    world.simulators.stt.add(Rule {
        count: 1,
        ..Rule::new(kind::HANG)
    });
    world.recording(run, "44", "a").await.unwrap();
    let price = Some(6_000);
    assert_eq!(
        calls(&world).await,
        [
            (1, "failed".to_owned(), Some(60), Some(0)),
            (2, "failed".to_owned(), Some(60), price),
            (3, "ok".to_owned(), Some(60), price),
        ]
    );
}

#[tokio::test]
async fn without_a_price_the_cost_is_unknown() {
    let world = World::new().await;
    let run = world.running("44", &["a"]).await;
    world.recording(run, "44", "a").await.unwrap();
    assert_eq!(calls(&world).await, [(1, "ok".to_owned(), Some(60), None)]);
}

#[tokio::test]
async fn the_breaker_tells_when_it_opens_and_closes() {
    let world = world().await;
    let run = world.running("44", &["a", "b", "c", "d"]).await;
    world.simulators.stt.add(Rule {
        status: Some(401),
        count: 1,
        body: Some(serde_json::json!({"detail": {"status": "quota_exceeded", "message": "spent"}})),
        ..Rule::new(kind::STATUS)
    });
    world.recording(run, "44", "a").await.unwrap();
    // Nobody is asked while it is open.
    world.recording(run, "44", "b").await.unwrap();
    assert_eq!(world.requests(), 1);
    let told = world.payloads("ops/provider.circuit").await;
    let expected =
        serde_json::json!({"provider": "elevenlabs", "state": "open", "cause": "quota_exceeded"});
    assert_eq!(told, [expected]);
    world
        .execute("UPDATE speech_limits SET paused_until = now() - interval '1 second'")
        .await;
    world.recording(run, "44", "c").await.unwrap();
    world.recording(run, "44", "d").await.unwrap();
    let told = world.payloads("ops/provider.circuit").await;
    assert_eq!(told.len(), 2);
    assert_eq!(
        (&told[1]["state"], &told[1]["cause"]),
        (&"closed".into(), &"success".into())
    );
    assert_eq!(world.ended(run).await.failed_count, 2);
}
