use super::Delivery;
use super::lane::LaneRuntime;
use crate::envelope::{self, header};
use crate::error::BoxError;
use crate::topology::DUPLICATE_WINDOW;
use crate::trace;
use async_nats::jetstream::{AckKind, Message};
use bytes::Bytes;
use std::time::Duration;
use tokio::time::Instant;
use tracing::Span;
use vigie_events::{Event, MessageId};

/// Bounds the wait for the answer to an acknowledgement.
const ACK_TIMEOUT: Duration = Duration::from_secs(5);
/// A message handed back by a stopping replica goes to another.
const HANDED_BACK: Duration = Duration::from_secs(1);

/// A message as it came, before and after it is understood.
#[derive(Debug)]
pub(crate) struct Inbound {
    message: Message,
    /// Which delivery of this sending, from 1.
    pub delivery: u32,
    pub stream_sequence: u64,
    /// When it was replayed from the dead letters, epoch ms; 0 for all others.
    pub replay: i64,
}

impl Inbound {
    pub(super) fn new(message: Message) -> Self {
        let (delivery, stream_sequence) = message.info().map_or((1, 0), |info| {
            let delivery = u32::try_from(info.delivered).unwrap_or(u32::MAX);
            (delivery, info.stream_sequence)
        });
        let replay = header(message.headers.as_ref(), envelope::REPLAY)
            .and_then(|text| text.parse().ok())
            .unwrap_or(0);
        Self {
            message,
            delivery,
            stream_sequence,
            replay,
        }
    }

    /// Whether nobody can have worked on the message before: the first delivery of its first
    /// sending, so young that the stream would have dropped a twin.
    pub(super) fn is_fresh(&self) -> bool {
        let sending = self.header(async_nats::header::NATS_MESSAGE_ID.as_ref());
        let sent = self.header(envelope::TIME).and_then(|time| {
            let time = chrono::DateTime::parse_from_rfc3339(time).ok()?;
            (chrono::Utc::now() - time.to_utc()).to_std().ok()
        });
        self.delivery == 1
            && self.replay == 0
            && sending.is_some()
            && sending == self.header(envelope::ID)
            && sent.is_some_and(|age| age < DUPLICATE_WINDOW / 2)
    }

    pub(super) fn decode<E: Event>(&self, lane: &LaneRuntime) -> Result<Delivery<E>, BoxError> {
        let id = self.header(envelope::ID).ok_or("no ce-id")?;
        let event = self.header(envelope::TYPE).ok_or("no ce-type")?;
        if event != E::NAME {
            return Err(format!("ce-type is {event}, not {}", E::NAME).into());
        }
        Ok(Delivery {
            id: MessageId::new(id),
            body: serde_json::from_slice(&self.message.payload)?,
            lane: lane.lane,
            delivery: self.delivery,
            fresh: self.is_fresh(),
            deadline: Instant::now() + lane.options.deadline,
            source: self.header(envelope::SOURCE).unwrap_or_default().to_owned(),
        })
    }

    /// The span of its handling, a child of the one that sent it.
    pub(super) fn span<E: Event>(&self, lane: &LaneRuntime) -> Span {
        let span = tracing::info_span!(
            "bus.consume",
            message.id = self.header(envelope::ID).unwrap_or_default(),
            message.r#type = E::NAME,
            consumer = %lane.name,
            delivery = self.delivery,
        );
        if let Some(traceparent) = self.header(envelope::TRACEPARENT) {
            trace::follow(&span, traceparent);
        }
        span
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        header(self.message.headers.as_ref(), name)
    }

    pub(super) fn payload(&self) -> &Bytes {
        &self.message.payload
    }

    /// The subject without the installation's prefix.
    pub(super) fn subject<'a>(&'a self, lane: &LaneRuntime) -> &'a str {
        lane.bus.names().strip(&self.message.subject)
    }

    /// Done with it: awaits the server's word. A lost one means a redelivery that the inbox skips.
    pub(super) async fn ack(&self, lane: &LaneRuntime) {
        self.confirmed(lane, AckKind::Ack).await;
    }

    /// Done with it, followed by an [`Inbound::ack`] of the same consumer that is waited for.
    pub(super) async fn ack_unconfirmed(&self) {
        self.say(AckKind::Ack).await;
    }

    /// Given up: no redelivery.
    pub(super) async fn term(&self, lane: &LaneRuntime) {
        self.confirmed(lane, AckKind::Term).await;
    }

    /// Once more, after `delay`; never at once, which would go before fresh messages.
    pub(super) async fn nak(&self, delay: Duration) {
        self.say(AckKind::Nak(Some(delay))).await;
    }

    pub(super) async fn hand_back(&self) {
        self.nak(HANDED_BACK).await;
    }

    /// Still at it: the server waits `ack_wait` anew.
    pub(super) async fn progress(&self) {
        self.say(AckKind::Progress).await;
    }

    async fn say(&self, kind: AckKind) {
        if let Err(error) = self.message.ack_with(kind).await {
            tracing::debug!(%error, "not told to the server");
        }
    }

    /// Through the client's one reply subscription: `double_ack` makes one a message.
    async fn confirmed(&self, lane: &LaneRuntime, kind: AckKind) {
        let Some(reply) = self.message.reply.clone() else {
            return;
        };
        let request = async_nats::Request::new()
            .payload(kind.into())
            .timeout(Some(ACK_TIMEOUT));
        if let Err(error) = lane.bus.client().send_request(reply, request).await {
            metrics::counter!("bus.ack.unconfirmed").increment(1);
            tracing::debug!(%error, "acknowledgement not confirmed");
        }
    }
}
