use super::attempt::Done;
use super::inbound::Inbound;
use super::lane::LaneRuntime;
use super::{Delivery, Failure, database};
use crate::store::outbox::NewRow;
use crate::{BusError, Db, envelope, store};
use async_nats::HeaderMap;
use sqlx::PgConnection;
use std::future::Future;
use vigie_events::{Event, encode_token};

/// Longest reason kept with a dead letter.
const REASON_CHARS: usize = 1_000;

/// The service's hook.
pub(super) trait LastWord<E: Event>: Sync {
    fn parked(
        &self,
        tx: &mut PgConnection,
        delivery: &Delivery<E>,
        reason: &str,
    ) -> impl Future<Output = Result<(), Failure>> + Send;
}

/// Inbox row, the service's last word and the dead letter, in one transaction.
pub(super) async fn in_transaction<E: Event>(
    db: &Db,
    lane: &LaneRuntime,
    inbound: &Inbound,
    delivery: &Delivery<E>,
    reason: &str,
    last_word: Option<&impl LastWord<E>>,
) -> Result<Done, Failure> {
    let id = delivery.id.as_str();
    let mut tx = db.begin().await.map_err(database::lost)?;
    if inbound.replay > 0 {
        store::inbox::unpark(&mut tx, &lane.inbox, id, inbound.replay).await?;
    }
    if !store::inbox::park(&mut tx, &lane.inbox, id, inbound.replay).await? {
        tx.rollback().await?;
        return Ok(Done::Seen);
    }
    if let Some(word) = last_word
        && let Err(failure) = word.parked(&mut tx, delivery, reason).await
    {
        tx.rollback().await?;
        return Err(failure);
    }
    Letter::of(lane, inbound, reason).write(&mut tx).await?;
    tx.commit().await?;
    Ok(Done::Handled)
}

/// A message nobody can read: a dead letter and no inbox row, which would stand in the way of a
/// good message with the same id.
pub(super) async fn undecodable(
    db: Option<&Db>,
    lane: &LaneRuntime,
    inbound: &Inbound,
    reason: &str,
) -> Result<(), BusError> {
    let letter = Letter::of(lane, inbound, reason);
    match db {
        None => letter.publish(lane).await,
        Some(db) => {
            let mut tx = db.begin().await?;
            letter.write(&mut tx).await?;
            tx.commit().await?;
            Ok(())
        }
    }
}

/// A dead letter: the message as it was, and why it was given up.
#[derive(Debug)]
pub(super) struct Letter {
    id: String,
    event: String,
    subject: String,
    sending_id: String,
    headers: Vec<(&'static str, String)>,
    payload: String,
}

impl Letter {
    pub(super) fn of(lane: &LaneRuntime, inbound: &Inbound, reason: &str) -> Self {
        let text = |name| inbound.header(name).unwrap_or("unknown").to_owned();
        let mut headers = vec![
            (
                envelope::DEAD_REASON,
                reason.chars().take(REASON_CHARS).collect(),
            ),
            (envelope::DEAD_ATTEMPTS, inbound.delivery.to_string()),
            (envelope::DEAD_CONSUMER, lane.name.clone()),
            (envelope::DEAD_SUBJECT, inbound.subject(lane).to_owned()),
        ];
        headers.extend(kept(inbound));
        Self {
            id: text(envelope::ID),
            event: text(envelope::TYPE),
            subject: format!("dead.{}", encode_token(&lane.name)),
            // Of this sending: a second parking after a replay is a second letter.
            sending_id: format!("dead-{}-{}", lane.name, inbound.stream_sequence),
            headers,
            payload: String::from_utf8_lossy(inbound.payload()).replace('\0', "\u{fffd}"),
        }
    }

    pub(super) async fn write(self, tx: &mut PgConnection) -> sqlx::Result<()> {
        let row = NewRow {
            message_id: &self.id,
            sending_id: self.sending_id,
            event: &self.event,
            subject: &self.subject,
            about: None,
            traceparent: None,
            extra: Some(json(self.headers)),
            payload: &self.payload,
            wait: None,
        };
        store::outbox::insert_one(tx, row).await
    }

    pub(super) async fn publish(self, lane: &LaneRuntime) -> Result<(), BusError> {
        let mut headers = HeaderMap::new();
        headers.insert(envelope::ID, envelope::line(&self.id).as_ref());
        headers.insert(envelope::TYPE, envelope::line(&self.event).as_ref());
        headers.insert(envelope::CONTENT_TYPE, "application/json");
        headers.insert(envelope::SPEC_VERSION, "1.0");
        for (name, value) in &self.headers {
            headers.insert(*name, envelope::line(value).as_ref());
        }
        let payload = self.payload.into();
        lane.bus
            .publish_raw(
                &self.event,
                &self.subject,
                &self.sending_id,
                headers,
                payload,
            )
            .await
    }
}

/// The headers of the first sending that a later one keeps.
pub(super) fn kept(inbound: &Inbound) -> impl Iterator<Item = (&'static str, String)> {
    [
        envelope::SOURCE,
        envelope::TIME,
        envelope::SUBJECT,
        envelope::TRACEPARENT,
        envelope::REPLAY,
    ]
    .into_iter()
    .filter_map(|name| Some((name, inbound.header(name)?.to_owned())))
}

/// Headers as a row of the outbox keeps them.
pub(super) fn json(headers: Vec<(&'static str, String)>) -> serde_json::Value {
    headers
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.into()))
        .collect::<serde_json::Map<_, _>>()
        .into()
}
