use super::Live;
use super::fanout::{Event, Item, Subscription};
use super::frame::{self, FrameId};
use super::resume::{ResetReason, Resume, plan};
use bytes::Bytes;
use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use std::collections::VecDeque;
use std::time::Duration;
use tokio::time::{Instant, Interval, MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use vigie_bus::{BusError, RealtimeFrame, RealtimeStart};
use vigie_events::realtime::Channel;

/// What clients are told to wait before they come back, and how much that differs.
const RETRY_MS: u64 = 3_000;
const RETRY_JITTER_MS: u64 = 1_000;
/// A replay that brings nothing for so long is given up.
const REPLAY_PATIENCE: Duration = Duration::from_secs(10);

/// What an event stream is opened with.
pub struct Opening<'a> {
    /// What is listened to.
    pub channels: Vec<Channel>,
    /// The same as the client wrote it.
    pub names: Vec<String>,
    /// The last id that the client saw.
    pub last_seen: Option<&'a str>,
    /// How long it may last.
    pub life: Duration,
    /// Whether it may go on after that.
    pub renewal: Option<Renewal>,
    /// Between two comments.
    pub keep_alive: Duration,
    /// Ends it.
    pub stop: CancellationToken,
}

/// Asks whether a client may go on listening, and for how long.
pub type Renewal = Box<dyn Fn() -> BoxFuture<'static, Option<Duration>> + Send + Sync>;

/// One open event stream.
pub struct Session {
    subscription: Subscription,
    channels: Vec<Channel>,
    /// Everything up to here was told.
    heard: FrameId,
    replay: Option<Replay>,
    ready: VecDeque<Bytes>,
    closing: bool,
    ends_at: Instant,
    renewal: Option<Renewal>,
    keep_alive: Interval,
    stop: CancellationToken,
}

/// What was missed, up to where live began.
struct Replay {
    stream: BoxStream<'static, Result<RealtimeFrame, BusError>>,
    until: FrameId,
}

enum Next {
    Tell(Bytes),
    Nothing,
    End,
}

impl Session {
    /// Subscribes first and looks back second, so that nothing falls in between.
    pub async fn open(live: &Live, opening: Opening<'_>) -> Result<Self, BusError> {
        let subscription = live.fanout.subscribe(&opening.channels);
        let state = live.bus.realtime_state().await?;
        let newest = FrameId::newest(&state);
        let (heard, replay, reset) = match plan(opening.last_seen, &state) {
            Resume::Live => (newest, None, None),
            Resume::Reset(reason) => (newest, None, Some(reason)),
            Resume::After(id) => {
                let missed = live.bus.realtime(RealtimeStart::After(id.sequence));
                let stream = missed.await?.boxed();
                let until = newest;
                (id, Some(Replay { stream, until }), None)
            }
        };
        Ok(Self::begin(opening, subscription, heard, replay, reset))
    }

    fn begin(
        opening: Opening<'_>,
        subscription: Subscription,
        heard: FrameId,
        replay: Option<Replay>,
        reset: Option<ResetReason>,
    ) -> Self {
        let mut keep_alive = tokio::time::interval(opening.keep_alive);
        keep_alive.set_missed_tick_behavior(MissedTickBehavior::Delay);
        keep_alive.reset();
        let mut session = Self {
            subscription,
            channels: opening.channels,
            heard,
            replay,
            ready: VecDeque::new(),
            closing: false,
            ends_at: Instant::now() + opening.life,
            renewal: opening.renewal,
            keep_alive,
            stop: opening.stop,
        };
        let jitter = rand::random_range(0..=2 * RETRY_JITTER_MS);
        let ready = serde_json::json!({ "channels": opening.names }).to_string();
        session
            .ready
            .push_back(frame::retry(RETRY_MS - RETRY_JITTER_MS + jitter));
        session
            .ready
            .push_back(frame::event(heard, "ready", ready.as_bytes()));
        if let Some(reason) = reset {
            session.ready.push_back(reset_frame(reason, heard));
        }
        session
    }

    /// The next frame; none when the stream ends.
    pub async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(bytes) = self.ready.pop_front() {
                return Some(bytes);
            }
            if self.closing {
                return None;
            }
            match self.step().await {
                Next::Tell(bytes) => return Some(bytes),
                Next::Nothing => {}
                Next::End => return None,
            }
        }
    }

    async fn step(&mut self) -> Next {
        let replaying = self.replay.is_some();
        tokio::select! {
            biased;
            () = self.stop.cancelled() => Next::End,
            () = tokio::time::sleep_until(self.ends_at) => self.renew().await,
            _ = self.keep_alive.tick() => Next::Tell(frame::COMMENT),
            missed = missed(&mut self.replay), if replaying => self.look_back(missed),
            item = self.subscription.queue.recv(), if !replaying => self.go_on(item),
        }
    }

    async fn renew(&mut self) -> Next {
        let renewed = match &self.renewal {
            Some(ask) => ask().await,
            None => None,
        };
        match renewed.filter(|life| !life.is_zero()) {
            Some(life) => {
                self.ends_at = Instant::now() + life;
                Next::Nothing
            }
            None => Next::End,
        }
    }

    /// One message of the replay; its end leads to what waits in the queue.
    fn look_back(&mut self, missed: Option<Event>) -> Next {
        let Some(replay) = &self.replay else {
            return Next::Nothing;
        };
        let until = replay.until;
        let Some(event) = missed else {
            // It broke off: what is left of it is lost to this client.
            self.replay = None;
            self.heard = until;
            return Next::Tell(reset_frame(ResetReason::Expired, until));
        };
        if event.id.sequence >= until.sequence {
            self.replay = None;
        }
        self.tell(&event)
    }

    fn go_on(&mut self, item: Option<Item>) -> Next {
        match item {
            Some(Item::Event(event)) => self.tell(&event),
            Some(Item::Reset(reason, position)) => {
                self.heard = position;
                Next::Tell(reset_frame(reason, position))
            }
            None => {
                // Too slow: the fan-out has let it go.
                self.closing = true;
                let position = self.subscription.position().unwrap_or(self.heard);
                Next::Tell(reset_frame(ResetReason::Overflow, position))
            }
        }
    }

    fn tell(&mut self, event: &Event) -> Next {
        if event.id.is_heard(self.heard) {
            return Next::Nothing;
        }
        self.heard = event.id;
        let ours = event
            .channels
            .iter()
            .any(|channel| self.channels.contains(channel));
        if ours {
            Next::Tell(event.bytes.clone())
        } else {
            Next::Nothing
        }
    }
}

/// The next message of a replay; none when it broke off.
async fn missed(replay: &mut Option<Replay>) -> Option<Event> {
    let replay = replay.as_mut()?;
    match tokio::time::timeout(REPLAY_PATIENCE, replay.stream.next()).await {
        Ok(Some(Ok(message))) => Some(Event::from(message)),
        Ok(Some(Err(error))) => {
            tracing::warn!(%error, "a replay broke off");
            None
        }
        Ok(None) | Err(_) => None,
    }
}

fn reset_frame(reason: ResetReason, id: FrameId) -> Bytes {
    frame::event(id, "reset", reason.payload().as_bytes())
}

#[cfg(test)]
mod tests;
