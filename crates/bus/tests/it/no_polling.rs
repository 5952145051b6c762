//! Invariant 4, as far as the bus goes: what has to wait, waits in a row and not in a slot.

use crate::support::{Act, Scripted, World, options, poke};
use std::time::Duration;
use vigie_bus::{ConsumerOptions, outbox};

#[tokio::test]
async fn a_deferred_message_frees_the_only_slot_and_comes_back() {
    let world = World::new().await;
    let replica = world.replica().await;
    replica.relay();
    let seen_first = std::sync::atomic::AtomicBool::new(false);
    let handler = Scripted::new(move |n, _| {
        let first = !seen_first.swap(true, std::sync::atomic::Ordering::SeqCst);
        if n == 1 && first {
            Act::Defer(Duration::from_secs(1))
        } else {
            Act::Do
        }
    });
    let handle = handler.clone();
    replica
        .consume(true, |mut it| async move {
            let options = ConsumerOptions {
                max_ack_pending: 1,
                slots: 1,
                max_attempts: 1,
                ..options()
            };
            it.handler(options, handle).await
        })
        .await;
    world.send(&replica, &[poke(1), poke(2)]).await;
    world.until_effects("done", 1).await;
    let first: i64 = sqlx::query_scalar("SELECT n FROM effects")
        .fetch_one(&world.pool)
        .await
        .unwrap();
    assert_eq!(first, 2);
    world.until_effects("done", 2).await;
    world.until_quiet(&replica).await;
    assert_eq!(handler.calls(), 3);
}

#[tokio::test]
async fn a_waiting_row_is_sent_when_it_is_due() {
    let world = World::new().await;
    let replica = world.replica().await;
    let mut tx = replica.db.begin().await.unwrap();
    outbox::send_again(&mut tx, &poke(1), 1, Some(Duration::from_secs(3_600)))
        .await
        .unwrap();
    outbox::send_again(&mut tx, &poke(2), 1, Some(Duration::from_millis(200)))
        .await
        .unwrap();
    tx.commit().await.unwrap();
    replica.relay();
    let handler = Scripted::always(Act::Do);
    replica
        .consume(true, |mut it| async move {
            it.handler(options(), handler).await
        })
        .await;
    world.until_effects("done", 1).await;
    let left: Vec<String> =
        sqlx::query_scalar("SELECT sending_id FROM outbox WHERE event = 'test/poke'")
            .fetch_all(&world.pool)
            .await
            .unwrap();
    assert_eq!(left, ["poke-1#1"]);
}
