use super::frame::{self, FrameId};
use super::resume::ResetReason;
use bytes::Bytes;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::mpsc::{self, Receiver, Sender};
use vigie_bus::RealtimeFrame;
use vigie_events::realtime::Channel;

/// Frames that wait for one client; one more and it has to start over.
const QUEUE: usize = 1_000;

/// A message, encoded once for all its clients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its place.
    pub id: FrameId,
    /// Every channel that shows it.
    pub channels: Vec<Channel>,
    /// The frame.
    pub bytes: Bytes,
}

impl From<RealtimeFrame> for Event {
    fn from(message: RealtimeFrame) -> Self {
        let id = FrameId::of(&message);
        Self {
            id,
            bytes: frame::event(id, &message.event, &message.payload),
            channels: message.channels,
        }
    }
}

/// What a client is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// A message.
    Event(Arc<Event>),
    /// To start over, from here.
    Reset(ResetReason, FrameId),
}

/// The clients of this replica, and how far the stream was read.
#[derive(Debug, Default)]
pub struct Fanout {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    next: u64,
    clients: HashMap<u64, Client>,
    listeners: HashMap<Channel, HashSet<u64>>,
    position: Option<FrameId>,
}

#[derive(Debug)]
struct Client {
    queue: Sender<Item>,
    channels: Vec<Channel>,
}

/// A client's end of the queue. The queue ends when the client was too slow.
#[derive(Debug)]
pub struct Subscription {
    id: u64,
    /// What is told.
    pub queue: Receiver<Item>,
    fanout: Arc<Fanout>,
}

impl Fanout {
    /// Listens to these channels from now on.
    pub fn subscribe(self: &Arc<Self>, channels: &[Channel]) -> Subscription {
        let (sender, queue) = mpsc::channel(QUEUE);
        let mut inner = self.lock();
        let id = inner.next;
        inner.next += 1;
        for channel in channels {
            inner
                .listeners
                .entry(channel.clone())
                .or_default()
                .insert(id);
        }
        let client = Client {
            queue: sender,
            channels: channels.to_vec(),
        };
        inner.clients.insert(id, client);
        metrics::gauge!("sse_streams").increment(1.0);
        Subscription {
            id,
            queue,
            fanout: Arc::clone(self),
        }
    }

    /// Hands a message to everybody who listens to one of its channels, once.
    pub fn send(&self, event: Event) {
        let mut inner = self.lock();
        inner.position = Some(event.id);
        let ids: HashSet<u64> = event
            .channels
            .iter()
            .filter_map(|channel| inner.listeners.get(channel))
            .flatten()
            .copied()
            .collect();
        let event = Arc::new(event);
        for id in ids {
            inner.tell(id, Item::Event(Arc::clone(&event)));
        }
    }

    /// Tells everybody to start over from `position`.
    pub fn reset(&self, reason: ResetReason, position: FrameId) {
        let mut inner = self.lock();
        inner.position = Some(position);
        let ids: Vec<u64> = inner.clients.keys().copied().collect();
        for id in ids {
            inner.tell(id, Item::Reset(reason, position));
        }
    }

    /// Notes how far the stream is read, without a message.
    pub fn begin(&self, position: FrameId) {
        self.lock().position = Some(position);
    }

    /// How far the stream is read; none before it is.
    pub fn position(&self) -> Option<FrameId> {
        self.lock().position
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn tell(&mut self, id: u64, item: Item) {
        let sent = self
            .clients
            .get(&id)
            .map(|client| client.queue.try_send(item));
        if let Some(Err(_)) = sent {
            metrics::counter!("sse_overflows_total").increment(1);
            self.forget(id);
        }
    }

    fn forget(&mut self, id: u64) {
        let Some(client) = self.clients.remove(&id) else {
            return;
        };
        for channel in client.channels {
            if let Some(ids) = self.listeners.get_mut(&channel) {
                ids.remove(&id);
                if ids.is_empty() {
                    self.listeners.remove(&channel);
                }
            }
        }
    }
}

impl Subscription {
    /// How far the stream was read by now.
    pub fn position(&self) -> Option<FrameId> {
        self.fanout.position()
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        metrics::gauge!("sse_streams").decrement(1.0);
        self.fanout.lock().forget(self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::{Event, Fanout, Item, QUEUE};
    use crate::live::ResetReason;
    use crate::live::frame::FrameId;
    use bytes::Bytes;
    use std::sync::Arc;
    use vigie_events::realtime::Channel;

    fn id(sequence: u64) -> FrameId {
        FrameId {
            incarnation: 17,
            sequence,
        }
    }

    fn event(sequence: u64, channels: &[&str]) -> Event {
        Event {
            id: id(sequence),
            channels: channels
                .iter()
                .map(|name| Channel::from_wire(name))
                .collect(),
            bytes: Bytes::from_static(b"frame"),
        }
    }

    fn channels(names: &[&str]) -> Vec<Channel> {
        names.iter().map(|name| Channel::from_wire(name)).collect()
    }

    #[test]
    fn an_event_on_several_channels_is_told_once() {
        let fanout = Arc::new(Fanout::default());
        let mut both = fanout.subscribe(&channels(&["audit-9", "fiche-44"]));
        let mut other = fanout.subscribe(&channels(&["audit-8"]));
        fanout.send(event(1, &["audit-9", "fiche-44"]));
        assert!(matches!(both.queue.try_recv(), Ok(Item::Event(event)) if event.id == id(1)));
        assert!(both.queue.try_recv().is_err());
        assert!(other.queue.try_recv().is_err());
        assert_eq!(fanout.position(), Some(id(1)));
    }

    #[test]
    fn a_slow_client_loses_its_queue_and_nobody_else_does() {
        let fanout = Arc::new(Fanout::default());
        let mut slow = fanout.subscribe(&channels(&["audit-9"]));
        let last = u64::try_from(QUEUE).unwrap() + 1;
        for sequence in 1..=last {
            fanout.send(event(sequence, &["audit-9"]));
        }
        let mut quick = fanout.subscribe(&channels(&["audit-9"]));
        fanout.send(event(last + 1, &["audit-9"]));
        assert!(quick.queue.try_recv().is_ok());
        let mut told = 0;
        while slow.queue.try_recv().is_ok() {
            told += 1;
        }
        assert_eq!(told, QUEUE);
        assert!(slow.queue.is_closed());
    }

    #[test]
    fn a_reset_reaches_everybody_and_moves_the_position() {
        let fanout = Arc::new(Fanout::default());
        let mut client = fanout.subscribe(&channels(&["audit-9"]));
        let new = FrameId {
            incarnation: 18,
            sequence: 0,
        };
        fanout.reset(ResetReason::Incarnation, new);
        let told = client.queue.try_recv().unwrap();
        assert_eq!(told, Item::Reset(ResetReason::Incarnation, new));
        assert_eq!(fanout.position(), Some(new));
    }

    #[test]
    fn who_left_is_forgotten() {
        let fanout = Arc::new(Fanout::default());
        drop(fanout.subscribe(&channels(&["audit-9"])));
        let inner = fanout.lock();
        assert!(inner.clients.is_empty() && inner.listeners.is_empty());
    }
}
