//! Invariant 6: any replica may be killed at any instruction, and any other goes on.

use crate::support::{Act, Scripted, World, options, poke};
use std::time::Duration;
use vigie_testkit::{Nats, wait};

#[tokio::test]
async fn the_message_of_a_killed_handler_goes_to_another_replica() {
    let world = World::new().await;
    let doomed = world.replica().await;
    doomed.relay();
    let hanging = Scripted::always(Act::Hang);
    let hang = hanging.clone();
    doomed
        .consume(
            true,
            |mut it| async move { it.handler(options(), hang).await },
        )
        .await;
    world.send(&doomed, &[poke(1)]).await;
    wait::until("the call", crate::support::LIMIT, || async {
        Ok((hanging.calls() == 1).then_some(()))
    })
    .await
    .unwrap();
    doomed.kill();

    let other = world.replica().await;
    other.relay();
    let handler = Scripted::always(Act::Do);
    let handle = handler.clone();
    other
        .consume(
            true,
            |mut it| async move { it.handler(options(), handle).await },
        )
        .await;
    world.until_effects("done", 1).await;
    world.until_quiet(&other).await;
    assert_eq!((handler.calls(), world.effects("done").await), (1, 1));
}

#[tokio::test]
async fn replicas_killed_all_the_time_lose_and_repeat_nothing() {
    let world = World::new().await;
    let sender = world.replica().await;
    sender.relay();
    let messages: Vec<_> = (0..300).map(poke).collect();
    world.send(&sender, &messages).await;
    let handler = Scripted::always(Act::DoAfter(Duration::from_millis(10)));
    for goal in [60, 120, 180, 240] {
        let doomed = world.replica().await;
        doomed.relay();
        let handler = handler.clone();
        doomed
            .consume(true, |mut it| async move {
                it.handler(options(), handler).await
            })
            .await;
        world.until_effects("done", goal).await;
        doomed.kill();
    }
    let last = world.replica().await;
    let handle = handler.clone();
    last.consume(
        true,
        |mut it| async move { it.handler(options(), handle).await },
    )
    .await;
    world.until_effects("done", 300).await;
    world.until_quiet(&last).await;
    assert_eq!(world.effects("done").await, 300);
    assert_eq!(world.distinct_effects().await, 300);
    assert_eq!(world.stored(&last, "EVENTS").await, 300);
}

#[tokio::test]
async fn a_stopping_replica_finishes_what_it_holds() {
    let world = World::new().await;
    let replica = world.replica().await;
    replica.relay();
    let handler = Scripted::always(Act::DoAfter(Duration::from_millis(500)));
    let handle = handler.clone();
    replica
        .consume(
            true,
            |mut it| async move { it.handler(options(), handle).await },
        )
        .await;
    world.send(&replica, &[poke(1)]).await;
    wait::until("the call", crate::support::LIMIT, || async {
        Ok((handler.calls() == 1).then_some(()))
    })
    .await
    .unwrap();
    replica.stop(Duration::from_secs(5)).await;
    assert_eq!(world.effects("done").await, 1);
    let rows: i64 = sqlx::query_scalar("SELECT count(*) FROM outbox")
        .fetch_one(&world.pool)
        .await
        .unwrap();
    assert_eq!(rows, 0, "what it sent last went out");
}

#[tokio::test]
async fn a_killed_broker_comes_back_and_work_goes_on() {
    let mut nats = Nats::start().await.unwrap();
    let world = World::on(nats.url().to_owned()).await;
    let replica = world.replica().await;
    replica.relay();
    let handler = Scripted::always(Act::DoAfter(Duration::from_millis(10)));
    let handle = handler.clone();
    replica
        .consume(
            true,
            |mut it| async move { it.handler(options(), handle).await },
        )
        .await;
    world
        .send(&replica, &(0..100).map(poke).collect::<Vec<_>>())
        .await;
    world.until_effects("done", 20).await;
    nats.kill().await.unwrap();
    // Commits go on without a broker.
    world
        .send(&replica, &(100..200).map(poke).collect::<Vec<_>>())
        .await;
    nats.restart().await.unwrap();
    world.until_effects("done", 200).await;
    world.until_quiet(&replica).await;
    assert_eq!(world.distinct_effects().await, 200);
    assert_eq!(world.effects("done").await, 200);
}
