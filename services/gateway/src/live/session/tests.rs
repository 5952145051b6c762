use super::{Opening, Renewal, Replay, Session};
use crate::live::frame::FrameId;
use crate::live::{Event, Fanout, ResetReason};
use bytes::Bytes;
use futures::stream::{self, StreamExt};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use vigie_bus::{BusError, RealtimeFrame};
use vigie_events::realtime::Channel;

const MINUTE: Duration = Duration::from_secs(60);
const HEARTBEAT: Duration = Duration::from_secs(15);

fn id(sequence: u64) -> FrameId {
    FrameId {
        incarnation: 17,
        sequence,
    }
}

fn message(sequence: u64, channel: &str) -> RealtimeFrame {
    RealtimeFrame {
        incarnation_ms: 17,
        stream_sequence: sequence,
        event: "audit.progress".to_owned(),
        channels: vec![Channel::from_wire(channel)],
        payload: Bytes::from_static(b"{}"),
    }
}

fn event(sequence: u64) -> Event {
    Event::from(message(sequence, "audit-9"))
}

fn replay(messages: Vec<Result<RealtimeFrame, BusError>>, until: u64) -> Replay {
    Replay {
        stream: stream::iter(messages).boxed(),
        until: id(until),
    }
}

/// A client of `audit-9` that has heard everything up to `heard`, past its first two frames.
async fn listen(
    fanout: &Arc<Fanout>,
    heard: u64,
    replay: Option<Replay>,
    renewal: Option<Renewal>,
) -> Session {
    let channels = vec![Channel::from_wire("audit-9")];
    let opening = Opening {
        channels: channels.clone(),
        names: vec!["audit-9".to_owned()],
        last_seen: None,
        life: MINUTE,
        renewal,
        keep_alive: HEARTBEAT,
        stop: CancellationToken::new(),
    };
    let subscription = fanout.subscribe(&channels);
    let mut session = Session::begin(opening, subscription, id(heard), replay, None);
    assert!(text(&mut session).await.starts_with("retry: "));
    let ready = text(&mut session).await;
    assert!(ready.starts_with(&format!("id: {}\nevent: ready\n", id(heard))));
    session
}

async fn text(session: &mut Session) -> String {
    let frame = session.next().await.unwrap();
    String::from_utf8(frame.to_vec()).unwrap()
}

async fn sequence(session: &mut Session) -> String {
    let frame = text(session).await;
    let first = frame.lines().next().unwrap();
    first.strip_prefix("id: 17-").unwrap().to_owned()
}

#[tokio::test(start_paused = true)]
async fn what_the_snapshot_shows_is_not_told_again() {
    let fanout = Arc::new(Fanout::default());
    let mut session = listen(&fanout, 5, None, None).await;
    for number in [4, 5, 6] {
        fanout.send(event(number));
    }
    assert_eq!(sequence(&mut session).await, "6");
    assert_eq!(
        text(&mut session).await,
        ": \n\n",
        "a comment in the silence"
    );
}

#[tokio::test(start_paused = true)]
async fn a_replay_and_what_came_meanwhile_are_told_in_order_and_once() {
    let fanout = Arc::new(Fanout::default());
    let missed = vec![
        Ok(message(6, "audit-9")),
        Ok(message(7, "audit-8")),
        Ok(message(8, "audit-9")),
    ];
    let mut session = listen(&fanout, 5, Some(replay(missed, 8)), None).await;
    for number in [8, 9] {
        fanout.send(event(number));
    }
    for number in ["6", "8", "9"] {
        assert_eq!(sequence(&mut session).await, number);
    }
}

#[tokio::test(start_paused = true)]
async fn a_replay_that_breaks_off_is_a_reset() {
    let fanout = Arc::new(Fanout::default());
    let missed = vec![Ok(message(6, "audit-9")), Err(BusError::Incarnation)];
    let mut session = listen(&fanout, 5, Some(replay(missed, 8)), None).await;
    assert_eq!(sequence(&mut session).await, "6");
    let reset = text(&mut session).await;
    assert_eq!(
        reset,
        "id: 17-8\nevent: reset\ndata: {\"reason\":\"expired\"}\n\n"
    );
    fanout.send(event(9));
    assert_eq!(sequence(&mut session).await, "9");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_is_too_slow_is_told_and_let_go() {
    let fanout = Arc::new(Fanout::default());
    let mut session = listen(&fanout, 0, None, None).await;
    for number in 1..=1_001 {
        fanout.send(event(number));
    }
    for number in 1..=1_000 {
        assert_eq!(sequence(&mut session).await, number.to_string());
    }
    let reset = text(&mut session).await;
    assert_eq!(
        reset,
        "id: 17-1001\nevent: reset\ndata: {\"reason\":\"overflow\"}\n\n"
    );
    assert!(session.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_new_stream_is_followed_from_its_reset_on() {
    let fanout = Arc::new(Fanout::default());
    let mut session = listen(&fanout, 5, None, None).await;
    let new = FrameId {
        incarnation: 18,
        sequence: 0,
    };
    fanout.reset(ResetReason::Incarnation, new);
    fanout.send(event(6));
    let first = Event {
        id: FrameId { sequence: 1, ..new },
        ..event(6)
    };
    fanout.send(Event {
        bytes: Bytes::from_static(b"of the new stream"),
        ..first
    });
    assert!(text(&mut session).await.contains("incarnation"));
    assert_eq!(text(&mut session).await, "of the new stream");
}

#[tokio::test(start_paused = true)]
async fn a_stream_ends_with_its_token_unless_that_is_renewed() {
    let fanout = Arc::new(Fanout::default());
    let mut session = listen(&fanout, 5, None, None).await;
    let mut comments = 0;
    while session.next().await.is_some() {
        comments += 1;
    }
    assert_eq!(comments, 3);

    let renewal: Renewal = Box::new(|| Box::pin(async { Some(MINUTE) }));
    let mut session = listen(&fanout, 5, None, Some(renewal)).await;
    for _ in 0..20 {
        assert_eq!(text(&mut session).await, ": \n\n");
    }
    session.stop.cancel();
    assert!(session.next().await.is_none());
}
