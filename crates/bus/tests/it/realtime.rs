//! The realtime stream: in order, resumable, and honest about a new incarnation.

use crate::support::{LIMIT, World};
use futures::StreamExt;
use schemars::JsonSchema;
use serde::Serialize;
use vigie_bus::{BusError, RealtimeFrame, RealtimeStart, RealtimeStream, outbox};
use vigie_events::realtime::{Channel, Entity, Realtime, RealtimeEvent};
use vigie_testkit::{Nats, wait};

#[derive(Serialize, JsonSchema)]
struct Progress {
    audit_id: String,
    fiche_id: String,
}

impl RealtimeEvent for Progress {
    const NAME: &'static str = "audit.progress";
}

fn progress(sequence: i64) -> Realtime {
    let event = Progress {
        audit_id: "9".to_owned(),
        fiche_id: "44".to_owned(),
    };
    Realtime::new(&Entity::Audit("9".to_owned()), sequence, &event, &[]).unwrap()
}

async fn next(stream: &mut RealtimeStream) -> Option<Result<RealtimeFrame, BusError>> {
    tokio::time::timeout(LIMIT, stream.next()).await.unwrap()
}

async fn frame(stream: &mut RealtimeStream) -> RealtimeFrame {
    next(stream).await.unwrap().unwrap()
}

#[tokio::test]
async fn a_reader_gets_all_in_order_and_resumes_where_it_was() {
    let world = World::new().await;
    let replica = world.replica().await;
    replica.relay();
    let mut live = replica.bus.realtime(RealtimeStart::Live).await.unwrap();
    let mut tx = replica.db.begin().await.unwrap();
    outbox::show(&mut tx, &[progress(1), progress(2), progress(3)])
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let first = frame(&mut live).await;
    assert_eq!(first.event, "audit.progress");
    assert_eq!(first.channels, [Channel::audit("9"), Channel::fiche("44")]);
    let payload: serde_json::Value = serde_json::from_slice(&first.payload).unwrap();
    assert_eq!(payload["sequence"], 1);
    let mut resumed = replica
        .bus
        .realtime(RealtimeStart::After(first.stream_sequence))
        .await
        .unwrap();
    for sequence in [2, 3] {
        let payload = frame(&mut resumed).await.payload;
        let payload: serde_json::Value = serde_json::from_slice(&payload).unwrap();
        assert_eq!(payload["sequence"], sequence);
    }
    replica.bus.show_best_effort(&progress(4)).await;
    assert_eq!(
        frame(&mut resumed).await.stream_sequence,
        first.stream_sequence + 3
    );
    let state = replica.bus.realtime_state().await.unwrap();
    assert_eq!(state.incarnation_ms, first.incarnation_ms);
    assert_eq!((state.first, state.last), (1, 4));
}

#[tokio::test]
async fn a_new_stream_ends_the_old_positions() {
    let mut nats = Nats::start().await.unwrap();
    let world = World::on(nats.url().to_owned()).await;
    let replica = world.replica().await;
    let mut live = replica.bus.realtime(RealtimeStart::Live).await.unwrap();
    replica.bus.show_best_effort(&progress(1)).await;
    let old = frame(&mut live).await.incarnation_ms;
    nats.wipe().await.unwrap();
    wait::until("new streams", LIMIT, || async {
        Ok(replica.bus.ensure_topology().await.ok())
    })
    .await
    .unwrap();
    assert!(matches!(
        next(&mut live).await,
        Some(Err(BusError::Incarnation))
    ));
    assert!(next(&mut live).await.is_none());
    let mut live = replica.bus.realtime(RealtimeStart::Live).await.unwrap();
    replica.bus.show_best_effort(&progress(2)).await;
    let frame = frame(&mut live).await;
    assert!(frame.incarnation_ms > old);
    assert_eq!(frame.stream_sequence, 1);
}
