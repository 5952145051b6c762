//! Invariant 2: delivering a message 1, 2 or 100 times, now or a week later, leaves the same state.

use crate::support::{Act, Scripted, World, options, poke};
use std::time::Duration;
use vigie_bus::ConsumerOptions;

#[tokio::test]
async fn a_message_published_twice_is_stored_once() {
    let world = World::new().await;
    let replica = world.replica().await;
    world.inject(&poke(1), "poke-1").await;
    world.inject(&poke(1), "poke-1").await;
    assert_eq!(world.stored(&replica, "WORK").await, 1);
}

#[tokio::test]
async fn a_hundred_copies_past_the_dedup_window_take_effect_once() {
    let world = World::new().await;
    let (one, two) = (world.replica().await, world.replica().await);
    one.relay();
    // Other sending ids: what the stream's window does not catch.
    for copy in 0..100 {
        world.inject(&poke(1), &format!("copy-{copy}")).await;
    }
    let handler = Scripted::always(Act::Do);
    for replica in [&one, &two] {
        let handler = handler.clone();
        replica
            .consume(true, |mut it| async move {
                it.handler(options(), handler).await
            })
            .await;
    }
    world.until_effects("done", 1).await;
    world.until_quiet(&one).await;
    assert_eq!(world.effects("done").await, 1);
    assert_eq!(world.stored(&one, "EVENTS").await, 1);
}

#[tokio::test]
async fn copies_within_a_batch_take_effect_once() {
    let world = World::new().await;
    let replica = world.replica().await;
    replica.relay();
    for copy in 0..5 {
        for n in 0..10 {
            world.inject(&poke(n), &format!("poke-{n}-{copy}")).await;
        }
    }
    let handler = Scripted::always(Act::Do);
    let handle = handler.clone();
    replica
        .consume(true, |mut it| async move {
            let options = ConsumerOptions {
                slots: 1,
                ..options()
            };
            it.batch(options, handle).await
        })
        .await;
    world.until_effects("done", 10).await;
    world.until_quiet(&replica).await;
    assert_eq!(world.effects("done").await, 10);
    assert_eq!(world.distinct_effects().await, 10);
}

#[tokio::test]
async fn a_message_handled_days_ago_is_skipped() {
    let world = World::new().await;
    let replica = world.replica().await;
    sqlx::raw_sql(
        "CREATE TABLE inbox_week_20191230 PARTITION OF inbox FOR VALUES FROM ('2019-12-30') TO ('2020-01-06');
         INSERT INTO inbox (day, consumer, message_id) VALUES ('2020-01-01', 'tester-poke', 'poke-1')",
    )
    .execute(&world.pool)
    .await
    .unwrap();
    let handler = Scripted::always(Act::Do);
    let handle = handler.clone();
    replica
        .consume(
            true,
            |mut it| async move { it.handler(options(), handle).await },
        )
        .await;
    world.inject(&poke(1), "poke-1").await;
    world.until_quiet(&replica).await;
    assert_eq!(handler.calls(), 0);
}

#[tokio::test]
async fn one_bad_member_does_not_hold_up_its_batch() {
    let world = World::new().await;
    let replica = world.replica().await;
    replica.relay();
    for n in 0..20 {
        world.inject(&poke(n), &format!("poke-{n}")).await;
    }
    let handler = Scripted::new(|n, _| if n == 7 { Act::Park } else { Act::Do });
    replica
        .consume(
            true,
            |mut it| async move { it.batch(options(), handler).await },
        )
        .await;
    world.until_effects("done", 19).await;
    world.until_effects("parked", 1).await;
    world.until_quiet(&replica).await;
    assert_eq!(world.distinct_effects().await, 19);
}

#[tokio::test]
async fn old_partitions_are_dropped_and_coming_ones_made() {
    let world = World::new().await;
    sqlx::raw_sql(
        "CREATE TABLE inbox_week_20191230 PARTITION OF inbox FOR VALUES FROM ('2019-12-30') TO ('2020-01-06')",
    )
    .execute(&world.pool)
    .await
    .unwrap();
    let changed: i32 = sqlx::query_scalar("SELECT bus_inbox_partitions(14, 31)")
        .fetch_one(&world.pool)
        .await
        .unwrap();
    assert_eq!(changed, 2, "one made beyond the next week, one dropped");
    let changed: i32 = sqlx::query_scalar("SELECT bus_inbox_partitions(14, 31)")
        .fetch_one(&world.pool)
        .await
        .unwrap();
    assert_eq!(changed, 0);
}

#[tokio::test]
async fn a_handler_that_takes_longer_than_the_ack_wait_keeps_its_message() {
    let world = World::new().await;
    let (one, two) = (world.replica().await, world.replica().await);
    let handler = Scripted::always(Act::DoAfter(Duration::from_secs(3)));
    for replica in [&one, &two] {
        let handler = handler.clone();
        replica
            .consume(true, |mut it| async move {
                let options = ConsumerOptions {
                    ack_wait: Duration::from_secs(1),
                    ..options()
                };
                it.handler(options, handler).await
            })
            .await;
    }
    one.relay();
    world.send(&one, &[poke(1)]).await;
    world.until_effects("done", 1).await;
    world.until_quiet(&one).await;
    assert_eq!(handler.calls(), 1);
}
