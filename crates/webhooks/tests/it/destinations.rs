//! Destinations that are given up, and deliveries sent again by hand.

use std::sync::Arc;

use vigie_webhooks::{Again, SystemLookup};

use super::receiver::{Manner, Receiver};
use super::world::{PATIENCE, World, all_sent, attempted};

#[tokio::test]
async fn a_gone_destination_is_disabled_until_somebody_enables_it() {
    let world = World::start().await;
    let receiver = Receiver::start(&[Manner::Answer(410, "")]).await;
    world.subscribe("j", &receiver.url).await;
    world.notify("j", "progress", 1).await;
    let log = world.until("j", attempted(1)).await;
    assert_eq!(log[0].delivery.status, "failed");
    // The next one is not even tried, and says why.
    world.notify("j", "complete", 2).await;
    let log = world.until("j", |log| log.len() == 2).await;
    assert_eq!(log[0].delivery.status, "failed");
    let error = log[0].attempts[0].error.as_deref();
    assert_eq!(error, Some("destination is disabled"));
    assert_eq!(receiver.got().len(), 1);

    let mut conn = world.pool.acquire().await.unwrap();
    let failing = world.webhooks.failing(&mut conn, 10).await.unwrap();
    assert!(failing[0].disabled_at.is_some());
    let id = log[0].delivery.id.clone();
    let again = world.webhooks.redeliver(&mut conn, "j", &id).await.unwrap();
    assert_eq!(again, Again::Disabled);
    receiver.behave(Manner::Answer(200, ""));
    assert!(
        world
            .webhooks
            .enable(&mut conn, &receiver.url)
            .await
            .unwrap()
    );
    assert!(
        !world
            .webhooks
            .enable(&mut conn, &receiver.url)
            .await
            .unwrap()
    );
    let again = world.webhooks.redeliver(&mut conn, "j", &id).await.unwrap();
    assert_eq!(again, Again::Due);
    let log = world
        .until("j", |log| log[0].delivery.status == "sent")
        .await;
    assert_eq!(log[0].attempts.len(), 2);
    assert_eq!(receiver.got()[1].headers["x-webhook-attempt"], "2");
    assert_eq!(receiver.got()[1].headers["webhook-id"], id);
    let again = world.webhooks.redeliver(&mut conn, "k", &id).await.unwrap();
    assert_eq!(again, Again::Unknown);
    drop(conn);
    world.stop().await;
}

#[tokio::test]
async fn failing_for_days_disables_a_destination_and_what_waits_for_it() {
    let world = World::start().await;
    let receiver = Receiver::start(&[Manner::Answer(500, "")]).await;
    world.subscribe("j", &receiver.url).await;
    world.notify("j", "progress", 1).await;
    world.until("j", attempted(1)).await;
    world
        .execute("UPDATE webhook_destinations SET first_failed_at = now() - interval '121 hours'")
        .await;
    world.notify("j", "complete", 2).await;
    let log = world
        .until("j", |log| {
            log.iter().all(|one| one.delivery.status == "failed")
        })
        .await;
    assert_eq!(log.len(), 2);
    world.stop().await;
}

#[tokio::test]
async fn a_delivery_given_up_gets_one_more_attempt_by_hand() {
    let world = World::with(1, 1, Arc::new(SystemLookup), true, PATIENCE).await;
    let receiver = Receiver::start(&[Manner::Answer(500, ""), Manner::Answer(200, "")]).await;
    world.subscribe("j", &receiver.url).await;
    world.notify("j", "complete", 1).await;
    let log = world.until("j", attempted(1)).await;
    assert_eq!(
        (
            log[0].delivery.status.as_str(),
            log[0].delivery.next_retry_at
        ),
        ("failed", None)
    );
    let mut conn = world.pool.acquire().await.unwrap();
    let id = &log[0].delivery.id;
    world.webhooks.redeliver(&mut conn, "j", id).await.unwrap();
    let log = world.until("j", all_sent).await;
    assert_eq!((log[0].delivery.attempt, log[0].attempts.len()), (2, 2));
    drop(conn);
    world.stop().await;
}
