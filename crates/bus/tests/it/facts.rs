//! Facts that every replica hears for itself.

use crate::support::{LIMIT, Poked, World, poked};
use chrono::{TimeDelta, Utc};
use vigie_bus::{BusError, FactFeed, outbox};

async fn next(feed: &mut FactFeed<Poked>) -> i64 {
    tokio::time::timeout(LIMIT, feed.next())
        .await
        .unwrap()
        .unwrap()
        .n
}

#[tokio::test]
async fn every_reader_gets_all_since_an_instant() {
    let world = World::new().await;
    let replica = world.replica().await;
    replica.relay();
    let since = Utc::now() - TimeDelta::minutes(1);
    let mut early = replica.bus.facts::<Poked>(since).await.unwrap();
    assert!(early.is_current().await.unwrap(), "there is nothing yet");
    let mut tx = replica.db.begin().await.unwrap();
    outbox::send_all(&mut tx, &[poked(1), poked(2), poked(3)])
        .await
        .unwrap();
    tx.commit().await.unwrap();
    for n in 1..=3 {
        assert_eq!(next(&mut early).await, n);
    }
    let mut late = replica.bus.facts::<Poked>(since).await.unwrap();
    assert!(!late.is_current().await.unwrap(), "nothing is read yet");
    for n in 1..=3 {
        assert_eq!(next(&mut late).await, n);
        assert_eq!(late.caught_up(), n == 3);
    }
    assert!(early.is_current().await.unwrap() && late.is_current().await.unwrap());

    let later = Utc::now() + TimeDelta::hours(1);
    let mut future = replica.bus.facts::<Poked>(later).await.unwrap();
    assert!(
        future.is_current().await.unwrap(),
        "what is older is not asked for"
    );
}

#[tokio::test]
async fn a_new_stream_is_noticed() {
    let world = World::new().await;
    let replica = world.replica().await;
    let since = Utc::now() - TimeDelta::minutes(1);
    let mut feed = replica.bus.facts::<Poked>(since).await.unwrap();
    let streams = world.raw().await;
    streams.delete_stream(world.stream("EVENTS")).await.unwrap();
    assert!(feed.is_current().await.is_err());
    replica.bus.ensure_topology().await.unwrap();
    assert!(matches!(
        feed.is_current().await,
        Err(BusError::Incarnation)
    ));
}
