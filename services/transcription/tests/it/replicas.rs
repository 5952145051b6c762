//! Two processes, one provider.

use crate::world::World;
use futures::future::join_all;
use std::time::Duration;
use vigie_bus::Failure;
use vigie_events::Lane;
use vigie_events::ids::CallId;
use vigie_simulators::faults::{Rule, kind};
use vigie_transcription::speech::Turn;
use vigie_transcription::store::call::SpeechCall;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_rate_is_shared() {
    let world = World::with(&[("TRANSCRIPTION_ELEVENLABS_RATE_LIMIT_PER_MINUTE", "1")]).await;
    let other = world.replica().await;
    let calls = ["a", "b", "c", "d", "e", "f", "g", "h"];
    let run = world.running("44", &calls).await;
    let work = calls.iter().enumerate().map(|(place, call)| {
        let replica = if place % 2 == 0 { &world.state } else { &other };
        world.recording_at(replica, run, "44", call)
    });
    let results = join_all(work).await;
    // One, and one saved up, of eight: not one and one for each replica.
    let done = results.iter().filter(|result| result.is_ok()).count();
    assert_eq!((done, world.requests()), (2, 2));
    let late = results.iter().filter_map(|result| result.as_ref().err());
    for failure in late {
        assert!(matches!(failure, Failure::Defer { .. }), "{failure:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_are_spaced_whoever_takes_them() {
    let world = World::with(&[
        ("TRANSCRIPTION_ELEVENLABS_RATE_LIMIT_PER_MINUTE", "60"),
        ("TRANSCRIPTION_PROVIDER_CONCURRENCY", "1000"),
    ])
    .await;
    let other = world.replica().await;
    let run = world.running("44", &["a"]).await;
    let call: CallId = "a".parse().unwrap();
    let turns = (1..=60).map(|attempt| {
        let state = if attempt % 2 == 0 {
            &world.state
        } else {
            &other
        };
        let call = SpeechCall {
            run_id: run,
            call: &call,
            attempt,
        };
        async move {
            let mut tx = state.db.begin().await.unwrap();
            let turn = state.speech.turn(&mut tx, call, Lane::Interactive, None);
            let turn = turn.await.unwrap();
            tx.commit().await.unwrap();
            match turn {
                Turn::Go { wait, .. } => wait,
                Turn::Later(_) | Turn::Paused(_) => panic!("{turn:?}"),
            }
        }
    });
    let mut waits = join_all(turns).await;
    waits.sort();
    // Thirty-one at once (one, and thirty saved up), then one a second.
    for (place, wait) in waits.iter().enumerate() {
        let due = Duration::from_secs(u64::try_from(place).unwrap().saturating_sub(30));
        assert!(*wait <= due, "{place}: {wait:?}");
        assert!(*wait + Duration::from_secs(3) >= due, "{place}: {wait:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_more_requests_at_once_than_allowed() {
    let world = World::with(&[("TRANSCRIPTION_PROVIDER_CONCURRENCY", "2")]).await;
    let other = world.replica().await;
    let calls = ["a", "b", "c", "d", "e", "f"];
    let run = world.running("44", &calls).await;
    world.simulators.stt.add(Rule {
        latency_ms: Some(1_500),
        ..Rule::new(kind::LATENCY)
    });
    let work = calls.iter().enumerate().map(|(place, call)| {
        let replica = if place % 2 == 0 { &world.state } else { &other };
        world.recording_at(replica, run, "44", call)
    });
    let results = join_all(work).await;
    let crowded = results.iter().filter(|result| result.is_err()).count();
    assert!(crowded >= 2, "{crowded} were sent away");
    assert_eq!(
        usize::try_from(world.requests()).unwrap(),
        calls.len() - crowded
    );
    // Two places a process, two in all: those that waited for a place of their own were sent away.
    let most: i64 = world
        .count("SELECT count(*) FROM speech_calls WHERE outcome = 'ok'")
        .await;
    assert_eq!(usize::try_from(most).unwrap(), calls.len() - crowded);
}
