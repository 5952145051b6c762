//! Invariant 3, as far as the bus goes: work whose result was recorded is not done again.

use crate::support::{Act, Scripted, World, options, poke};

#[tokio::test]
async fn recorded_work_is_not_repeated() {
    let world = World::new().await;
    let replica = world.replica().await;
    replica.relay();
    let worker = Scripted::always(Act::Do);
    let work = worker.clone();
    replica
        .consume(
            true,
            |mut it| async move { it.worker(options(), work).await },
        )
        .await;
    world.inject(&poke(1), "poke-1").await;
    world.until_effects("done", 1).await;
    for copy in 0..10 {
        world.inject(&poke(1), &format!("poke-1#{copy}")).await;
    }
    world.until_quiet(&replica).await;
    assert_eq!(worker.calls(), 1);
    assert_eq!(world.effects("done").await, 1);
}

#[tokio::test]
async fn two_workers_at_the_same_message_store_one_result() {
    let world = World::new().await;
    let replica = world.replica().await;
    replica.relay();
    let worker = Scripted::always(Act::DoAfter(std::time::Duration::from_millis(300)));
    let work = worker.clone();
    for copy in 0..3 {
        world.inject(&poke(1), &format!("poke-1#{copy}")).await;
    }
    replica
        .consume(
            true,
            |mut it| async move { it.worker(options(), work).await },
        )
        .await;
    world.until_effects("done", 1).await;
    world.until_quiet(&replica).await;
    assert_eq!(world.effects("done").await, 1);
    assert_eq!(world.stored(&replica, "EVENTS").await, 1);
}
