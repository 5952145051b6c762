//! Invariant 1: state and the messages it causes commit together, or not at all.

use crate::support::{Act, Scripted, World, options, poke};
use vigie_bus::outbox;

async fn poke_with_effect(tx: &mut vigie_bus::Tx, n: i64) {
    sqlx::query("INSERT INTO effects (n, kind) VALUES ($1, 'sent')")
        .bind(n)
        .execute(&mut **tx)
        .await
        .unwrap();
    outbox::send(tx, &poke(n)).await.unwrap();
}

#[tokio::test]
async fn a_rollback_sends_nothing_and_a_commit_sends() {
    let world = World::new().await;
    let replica = world.replica().await;
    replica.relay();
    let mut tx = replica.db.begin().await.unwrap();
    poke_with_effect(&mut tx, 1).await;
    tx.rollback().await.unwrap();
    let mut tx = replica.db.begin().await.unwrap();
    poke_with_effect(&mut tx, 2).await;
    tx.commit().await.unwrap();

    let handler = Scripted::always(Act::Do);
    let handle = handler.clone();
    replica
        .consume(
            true,
            |mut it| async move { it.handler(options(), handle).await },
        )
        .await;
    world.until_effects("done", 1).await;
    world.until_quiet(&replica).await;
    assert_eq!((world.effects("sent").await, handler.calls()), (1, 1));
}

#[tokio::test]
async fn a_crash_between_commit_and_publish_only_delays() {
    let world = World::new().await;
    let crashed = world.replica().await;
    // No relay: the process died right after its commit.
    let mut tx = crashed.db.begin().await.unwrap();
    poke_with_effect(&mut tx, 1).await;
    tx.commit().await.unwrap();
    crashed.kill();

    let other = world.replica().await;
    assert_eq!(world.stored(&other, "WORK").await, 0);
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
    assert_eq!(handler.calls(), 1);
}

#[tokio::test]
async fn a_crash_between_publish_and_delete_stores_one_message() {
    let world = World::new().await;
    let replica = world.replica().await;
    replica.relay();
    // The deletion of the first row is lost: the same row is there once more after its publish.
    for _ in 0..2 {
        world.send(&replica, &[poke(1)]).await;
        vigie_testkit::wait::until("an empty outbox", crate::support::LIMIT, || async {
            let rows: i64 = sqlx::query_scalar("SELECT count(*) FROM outbox")
                .fetch_one(&world.pool)
                .await?;
            Ok((rows == 0).then_some(()))
        })
        .await
        .unwrap();
    }
    assert_eq!(world.stored(&replica, "WORK").await, 1);
}

#[tokio::test]
async fn a_failing_handler_leaves_neither_state_nor_messages() {
    let world = World::new().await;
    let replica = world.replica().await;
    replica.relay();
    let handler = Scripted::new(|_, delivery| if delivery == 1 { Act::Fail } else { Act::Do });
    let handle = handler.clone();
    replica
        .consume(
            true,
            |mut it| async move { it.handler(options(), handle).await },
        )
        .await;
    world.send(&replica, &[poke(1)]).await;
    world.until_effects("done", 1).await;
    world.until_quiet(&replica).await;
    // The first call wrote and sent before it failed.
    assert_eq!(handler.calls(), 2);
    assert_eq!(world.effects("done").await, 1);
    assert_eq!(world.stored(&replica, "EVENTS").await, 1);
}

#[tokio::test]
async fn relays_of_several_replicas_share_the_rows() {
    let world = World::new().await;
    let (one, two) = (world.replica().await, world.replica().await);
    let messages: Vec<_> = (0..1_500).map(poke).collect();
    world.send(&one, &messages).await;
    one.relay();
    two.relay();
    vigie_testkit::wait::until("an empty outbox", crate::support::LIMIT, || async {
        let rows: i64 = sqlx::query_scalar("SELECT count(*) FROM outbox")
            .fetch_one(&world.pool)
            .await?;
        Ok((rows == 0).then_some(()))
    })
    .await
    .unwrap();
    assert_eq!(world.stored(&one, "WORK").await, 1_500);
}
