//! Streams and consumers are what they are meant to be, and facts are found again.

use crate::support::{Act, Poked, Scripted, World, options, poke, poked};
use async_nats::jetstream::stream::RetentionPolicy;
use std::time::Duration;
use vigie_bus::{ConsumerOptions, Sending};

#[tokio::test]
async fn topology_is_created_kept_and_mended() {
    let world = World::new().await;
    let replica = world.replica().await;
    let raw = world.raw().await;
    let config = |name: String| async {
        raw.get_stream(name)
            .await
            .unwrap()
            .cached_info()
            .config
            .clone()
    };
    let work = config(world.stream("WORK")).await;
    assert_eq!(work.retention, RetentionPolicy::WorkQueue);
    assert_eq!(work.duplicate_window, Duration::from_secs(120));

    // Somebody changes what is ours, and describes it, which is theirs.
    let mut events = config(world.stream("EVENTS")).await;
    events.max_age = Duration::from_secs(3_600);
    events.description = Some("seven days of facts".to_owned());
    raw.update_stream(events).await.unwrap();
    replica.bus.ensure_topology().await.unwrap();
    replica.bus.ensure_topology().await.unwrap();
    let events = config(world.stream("EVENTS")).await;
    assert_eq!(events.max_age, Duration::from_secs(7 * 24 * 3_600));
    assert_eq!(events.description.as_deref(), Some("seven days of facts"));
    replica.bus.ready().await.unwrap();
}

#[tokio::test]
async fn consumers_of_both_lanes_follow_their_options() {
    let world = World::new().await;
    let replica = world.replica().await;
    let handler = Scripted::always(Act::Do);
    replica
        .consume(true, |mut it| async move {
            it.handler(options(), handler).await
        })
        .await;
    let stream = world
        .raw()
        .await
        .get_stream(world.stream("WORK"))
        .await
        .unwrap();
    for lane in ["interactive", "bulk"] {
        let info = stream
            .consumer_info(format!("tester-poke-{lane}"))
            .await
            .unwrap();
        let filter = format!("{}.work.test.poke.{lane}", world.prefix());
        assert_eq!(info.config.filter_subject, filter);
        assert_eq!(info.config.max_ack_pending, 100);
        assert!(info.config.max_deliver > 3);
    }
}

#[tokio::test]
async fn changed_options_reach_a_consumer_that_exists() {
    let world = World::new().await;
    let handler = Scripted::always(Act::Do);
    for max_ack_pending in [100, 7] {
        let replica = world.replica().await;
        let handler = handler.clone();
        replica
            .consume(true, |mut it| async move {
                let options = ConsumerOptions {
                    max_ack_pending,
                    ..options()
                };
                it.handler(options, handler).await
            })
            .await;
        replica.stop(Duration::from_secs(5)).await;
    }
    let stream = world
        .raw()
        .await
        .get_stream(world.stream("WORK"))
        .await
        .unwrap();
    let info = stream.consumer_info("tester-poke-bulk").await.unwrap();
    assert_eq!(info.config.max_ack_pending, 7);
}

#[tokio::test]
async fn the_last_fact_of_an_entity_is_found() {
    let world = World::new().await;
    let replica = world.replica().await;
    let entity = ["7".to_owned()];
    let none = replica.bus.last_fact::<Poked>(&entity).await.unwrap();
    assert!(none.is_none());
    replica
        .bus
        .publish(&poked(7), Sending::First)
        .await
        .unwrap();
    replica
        .bus
        .publish(&poked(7), Sending::First)
        .await
        .unwrap();
    replica
        .bus
        .publish(&poked(8), Sending::Again(2))
        .await
        .unwrap();
    let found = replica
        .bus
        .last_fact::<Poked>(&entity)
        .await
        .unwrap()
        .unwrap();
    assert_eq!((found.id.as_str(), found.body.n), ("poked-7", 7));
    assert_eq!(world.stored(&replica, "EVENTS").await, 2);
}

#[tokio::test]
async fn messages_carry_cloudevents_headers() {
    let world = World::new().await;
    let replica = world.replica().await;
    replica.relay();
    world.send(&replica, &[poke(5)]).await;
    let stream = world
        .raw()
        .await
        .get_stream(world.stream("WORK"))
        .await
        .unwrap();
    let message = vigie_testkit::wait::until("the message", crate::support::LIMIT, || async {
        Ok(stream.get_raw_message(1).await.ok())
    })
    .await
    .unwrap();
    let of = |name| {
        message
            .headers
            .get(name)
            .map_or("", async_nats::HeaderValue::as_str)
    };
    assert_eq!(of("ce-id"), "poke-5");
    assert_eq!(of("Nats-Msg-Id"), "poke-5");
    assert_eq!(of("ce-type"), "test/poke");
    assert_eq!(of("ce-source"), "tester");
    assert_eq!(of("ce-subject"), "5");
    assert_eq!(of("ce-specversion"), "1.0");
    assert_eq!(of("content-type"), "application/json");
    assert!(of("ce-time").ends_with('Z'), "{}", of("ce-time"));
    assert_eq!(&message.payload[..], br#"{"n":5}"#);
}
