//! Invariant 5: everything ends, also what is poisonous and what the broker forgot.

use crate::support::{Act, LIMIT, Replica, Scripted, World, options, poke};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use vigie_bus::{ConsumerOptions, dead_letters, outbox};
use vigie_testkit::{Nats, wait};

async fn handle(replica: &Replica, handler: &Scripted) {
    let handler = handler.clone();
    replica
        .consume(true, |mut it| async move {
            it.handler(options(), handler).await
        })
        .await;
}

#[tokio::test]
async fn a_poison_message_is_parked_with_its_reason() {
    let world = World::new().await;
    let replica = world.replica().await;
    replica.relay();
    let handler = Scripted::new(|n, _| match n {
        1 => Act::Panic,
        2 => Act::Fail,
        3 => Act::Park,
        _ => Act::Do,
    });
    handle(&replica, &handler).await;
    world
        .send(&replica, &[poke(1), poke(2), poke(3), poke(4)])
        .await;
    world.until_effects("parked", 3).await;
    let letters = world.until_dead(&replica, 3).await;
    world.until_quiet(&replica).await;
    let of = |id: &str| letters.iter().find(|it| it.id == id).unwrap();
    assert_eq!(of("poke-1").reason, "panicked: scripted panic");
    assert_eq!(of("poke-1").attempts, 3);
    assert_eq!(of("poke-2").reason, "scripted failure");
    assert_eq!(of("poke-3").attempts, 1);
    assert_eq!(of("poke-3").event, "test/poke");
    assert_eq!(of("poke-3").subject, "work.test.poke.interactive");
    assert_eq!(of("poke-3").consumer, "tester-poke-interactive");
    assert_eq!(of("poke-3").payload, serde_json::json!({"n": 3}));
    // 1 and 2 three times, 3 and 4 once.
    assert_eq!(handler.calls(), 8);
    assert_eq!(world.effects("done").await, 1);
}

#[tokio::test]
async fn a_hung_handler_is_given_up_at_its_deadline() {
    let world = World::new().await;
    let replica = world.replica().await;
    replica.relay();
    let handler = Scripted::always(Act::Hang);
    replica
        .consume(true, |mut it| async move {
            let options = ConsumerOptions {
                deadline: Duration::from_millis(300),
                max_attempts: 2,
                ..options()
            };
            it.handler(options, handler).await
        })
        .await;
    world.send(&replica, &[poke(1)]).await;
    let letters = world.until_dead(&replica, 1).await;
    assert_eq!(letters[0].reason, "not done within 0.3 s");
    assert_eq!(world.effects("done").await, 0);
}

#[tokio::test]
async fn an_undecodable_message_is_parked_at_once() {
    let world = World::new().await;
    let replica = world.replica().await;
    replica.relay();
    let handler = Scripted::always(Act::Do);
    handle(&replica, &handler).await;
    world
        .inject_raw("poke-1", "one", b"{\"n\": \"many\"}".to_vec())
        .await;
    let letters = world.until_dead(&replica, 1).await;
    assert!(
        letters[0].reason.starts_with("undecodable: "),
        "{:?}",
        letters[0].reason
    );
    assert_eq!(letters[0].attempts, 1);
    // A good message with that id is not taken for a repeat.
    world.inject(&poke(1), "two").await;
    world.until_effects("done", 1).await;
}

#[tokio::test]
async fn a_replayed_dead_letter_runs_once_and_a_handled_one_never() {
    let world = World::new().await;
    let replica = world.replica().await;
    replica.relay();
    let mended = Arc::new(AtomicBool::new(false));
    let is_mended = Arc::clone(&mended);
    let handler = Scripted::new(move |_, _| {
        if is_mended.load(Ordering::SeqCst) {
            Act::Do
        } else {
            Act::Park
        }
    });
    handle(&replica, &handler).await;
    world.send(&replica, &[poke(1)]).await;
    let letter = world.until_dead(&replica, 1).await.remove(0);
    world.until_quiet(&replica).await;

    // A plain repeat of what was parked is skipped.
    world.inject(&poke(1), "poke-1#again").await;
    world.until_quiet(&replica).await;
    assert_eq!(handler.calls(), 1);

    mended.store(true, Ordering::SeqCst);
    dead_letters::replay(&replica.bus, letter.sequence)
        .await
        .unwrap();
    world.until_effects("done", 1).await;
    dead_letters::replay(&replica.bus, letter.sequence)
        .await
        .unwrap();
    world.until_quiet(&replica).await;
    assert_eq!(handler.calls(), 2);
    assert_eq!(world.effects("done").await, 1);
    assert!(matches!(
        dead_letters::show(&replica.bus, 999).await,
        Err(vigie_bus::BusError::NoSuchDeadLetter(999))
    ));
}

#[tokio::test]
async fn a_stateless_worker_parks_without_a_database() {
    let world = World::new().await;
    let replica = world.replica().await;
    let worker = Scripted::always(Act::Fail);
    replica
        .consume(false, |mut it| async move {
            it.stateless(options(), worker).await
        })
        .await;
    world.inject(&poke(1), "poke-1").await;
    let letters = world.until_dead(&replica, 1).await;
    assert_eq!((letters[0].attempts, letters[0].id.as_str()), (3, "poke-1"));
    world.until_quiet(&replica).await;
}

/// What a service's sweeper does: work without an effect is sent again.
async fn sweep(world: &World, replica: &Replica, sending: u32) {
    let missing: Vec<i64> = sqlx::query_scalar(
        "SELECT n FROM generate_series(0::bigint, 199) n WHERE n NOT IN (SELECT n FROM effects)",
    )
    .fetch_all(&world.pool)
    .await
    .unwrap();
    let mut tx = replica.db.begin().await.unwrap();
    for n in missing {
        outbox::send_again(&mut tx, &poke(n), sending, None)
            .await
            .unwrap();
    }
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn a_wiped_broker_costs_time_and_no_work() {
    let mut nats = Nats::start().await.unwrap();
    let world = World::on(nats.url().to_owned()).await;
    let replica = world.replica().await;
    replica.relay();
    let created = replica.bus.work_stream_created().await.unwrap();
    let handler = Scripted::always(Act::DoAfter(Duration::from_millis(20)));
    handle(&replica, &handler).await;
    let messages: Vec<_> = (0..200).map(poke).collect();
    world.send(&replica, &messages).await;
    world.until_effects("done", 20).await;

    nats.wipe().await.unwrap();

    // Streams come back by themselves, and their age tells the sweeper what happened.
    let again = wait::until("new streams", LIMIT, || async {
        let now = replica.bus.work_stream_created().await?;
        Ok((now > created).then_some(now))
    })
    .await
    .unwrap();
    assert!(again > created);
    sweep(&world, &replica, 1).await;
    let done = wait::until("all of the work", LIMIT, || async {
        let done = world.distinct_effects().await;
        if done < 200 {
            anyhow::bail!("{done} so far");
        }
        Ok(Some(done))
    })
    .await
    .unwrap();
    assert_eq!(done, 200);
    world.until_quiet(&replica).await;
    assert_eq!(world.effects("done").await, 200, "each exactly once");
}
