//! Reading the realtime stream, for the gateway.

use crate::connection::Line;
use crate::names::StreamKind;
use crate::{Bus, BusError, envelope, topology};
use async_nats::jetstream::Message;
use async_nats::jetstream::consumer::DeliverPolicy;
use async_nats::jetstream::consumer::pull::{Ordered, OrderedConfig};
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::{BoxStream, Stream};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::watch;
use vigie_events::realtime::Channel;

/// Between two questions whether the stream is still the same.
const DOUBT: Duration = Duration::from_millis(500);

/// Where to begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RealtimeStart {
    /// With what comes next.
    Live,
    /// With the message after this stream sequence.
    After(u64),
}

/// What the stream holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RealtimeState {
    /// Creation instant of the stream, epoch ms: sequences count within it.
    pub incarnation_ms: u64,
    /// Sequence of the oldest message kept.
    pub first: u64,
    /// Sequence of the newest message, 0 before the first.
    pub last: u64,
}

/// One message of the realtime stream.
#[derive(Debug, Clone)]
pub struct RealtimeFrame {
    /// Creation instant of the stream, epoch ms.
    pub incarnation_ms: u64,
    /// Its place in the stream.
    pub stream_sequence: u64,
    /// The event name.
    pub event: String,
    /// Every channel that shows it.
    pub channels: Vec<Channel>,
    /// The payload, a JSON object.
    pub payload: Bytes,
}

/// Frames in order, without gaps, until the stream itself is replaced: then one
/// [`BusError::Incarnation`], and the end.
pub struct RealtimeStream {
    inner: BoxStream<'static, Result<RealtimeFrame, BusError>>,
}

impl std::fmt::Debug for RealtimeStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RealtimeStream").finish_non_exhaustive()
    }
}

impl Stream for RealtimeStream {
    type Item = Result<RealtimeFrame, BusError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.inner.poll_next_unpin(cx)
    }
}

impl Bus {
    /// What the realtime stream holds now.
    pub async fn realtime_state(&self) -> Result<RealtimeState, BusError> {
        let info = topology::info(self, StreamKind::Realtime)
            .await?
            .ok_or_else(|| BusError::jetstream("realtime state", "no such stream"))?;
        let created = topology::created_at(&info)?.timestamp_millis();
        Ok(RealtimeState {
            incarnation_ms: u64::try_from(created).unwrap_or_default(),
            first: info.state.first_sequence,
            last: info.state.last_sequence,
        })
    }

    /// Reads the realtime stream in order, through an ordered consumer of its own. It repairs
    /// gaps and lost connections by itself.
    pub async fn realtime(&self, from: RealtimeStart) -> Result<RealtimeStream, BusError> {
        let incarnation_ms = self.realtime_state().await?.incarnation_ms;
        let deliver_policy = match from {
            RealtimeStart::Live => DeliverPolicy::New,
            RealtimeStart::After(sequence) => DeliverPolicy::ByStartSequence {
                start_sequence: sequence + 1,
            },
        };
        let consumer = self
            .stream(StreamKind::Realtime)
            .await?
            .create_consumer(OrderedConfig {
                deliver_policy,
                ..OrderedConfig::default()
            })
            .await
            .map_err(|error| BusError::jetstream("create the realtime consumer", error))?;
        let messages = consumer
            .messages()
            .await
            .map_err(|error| BusError::jetstream("read the realtime stream", error))?;
        let mut line = self.line();
        line.mark_unchanged();
        let reader = Reader {
            bus: self.clone(),
            messages,
            line,
            incarnation_ms,
            in_doubt: false,
            ended: false,
        };
        let inner = futures::stream::unfold(reader, |mut reader| async {
            let item = reader.next().await?;
            Some((item, reader))
        })
        .boxed();
        Ok(RealtimeStream { inner })
    }
}

struct Reader {
    bus: Bus,
    messages: Ordered,
    line: watch::Receiver<Line>,
    incarnation_ms: u64,
    /// Whether nobody could say if the stream is still the same.
    in_doubt: bool,
    ended: bool,
}

impl Reader {
    async fn next(&mut self) -> Option<Result<RealtimeFrame, BusError>> {
        while !self.ended {
            let next = tokio::select! {
                next = self.messages.next() => Some(next),
                Ok(()) = self.line.changed() => None,
                () = tokio::time::sleep(DOUBT), if self.in_doubt => None,
            };
            match next {
                Some(Some(Ok(message))) => match decode(&message, self.incarnation_ms) {
                    Some(frame) => return Some(Ok(frame)),
                    None => continue,
                },
                // Errors of an ordered consumer come in its stream, and it goes on after them.
                Some(Some(Err(error))) => {
                    tracing::debug!(%error, "realtime consumer");
                }
                Some(None) => self.ended = true,
                None => {}
            }
            // After trouble the stream may be a new one, whose sequences start again: going on
            // from the old position would wait for ever without a word.
            match self.bus.realtime_state().await {
                Ok(state) if state.incarnation_ms == self.incarnation_ms => self.in_doubt = false,
                Ok(_) => {
                    self.ended = true;
                    return Some(Err(BusError::Incarnation));
                }
                Err(error) if self.ended => return Some(Err(error)),
                // A broker that has just come back may not have its streams yet: ask again soon,
                // not when the consumer misses its heartbeats.
                Err(error) => {
                    self.in_doubt = true;
                    tracing::debug!(%error, "realtime stream");
                }
            }
        }
        None
    }
}

/// Reads a message of the realtime stream; none where it cannot be one.
pub(crate) fn decode(message: &Message, incarnation_ms: u64) -> Option<RealtimeFrame> {
    let stream_sequence = message.info().ok()?.stream_sequence;
    let headers = message.headers.as_ref();
    let Some(event) = envelope::header(headers, envelope::TYPE) else {
        tracing::warn!(stream_sequence, "realtime message without a type skipped");
        metrics::counter!("bus.realtime.undecodable").increment(1);
        return None;
    };
    let channels = envelope::header(headers, envelope::CHANNELS)
        .unwrap_or_default()
        .split(',')
        .filter(|name| !name.is_empty())
        .map(Channel::from_wire)
        .collect();
    Some(RealtimeFrame {
        incarnation_ms,
        stream_sequence,
        event: event.to_owned(),
        channels,
        payload: message.payload.clone(),
    })
}
