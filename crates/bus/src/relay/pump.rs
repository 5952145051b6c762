use crate::Bus;
use crate::envelope::{self, Envelope};
use crate::publish::acknowledged;
use crate::store::outbox::{self as store, Claimed};
use async_nats::HeaderMap;
use async_nats::connection::State;
use async_nats::jetstream::context::{PublishError, PublishErrorKind};
use futures::future::join_all;
use sqlx::pool::PoolConnection;
use sqlx::{Connection, Executor, PgPool, Postgres};

/// Rows of one transaction: it is short, and all its publishes are under way at once.
const LIMIT: i64 = 500;
/// A lost deletion means one more publish under the same id, which the stream drops; so the
/// deletion need not wait for the disk. The table is empty when plans are made and may be full when
/// they are used: by its indexes, always.
const SESSION: &str = "SET synchronous_commit = off; \
    SET enable_seqscan = off; SET enable_bitmapscan = off; SET enable_sort = off";

/// What one round did.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Pumped {
    pub published: usize,
    pub postponed: usize,
}

impl Pumped {
    /// Whether more rows may be waiting.
    pub(super) fn is_full(&self) -> bool {
        i64::try_from(self.published + self.postponed).is_ok_and(|rows| rows == LIMIT)
    }
}

/// Why nothing went out.
#[derive(Debug)]
pub(super) enum Stuck {
    Disconnected,
    Database(sqlx::Error),
    Refused {
        stream_missing: bool,
        last: PublishError,
    },
}

impl From<sqlx::Error> for Stuck {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error)
    }
}

/// The relay's own connection: it is used after every commit, and the pool asks each connection
/// that comes back for a sign of life. Set up for nothing else, it is closed and never given back.
#[derive(Debug, Default)]
pub(super) struct Pump(Option<PoolConnection<Postgres>>);

impl Pump {
    /// Claims, publishes, awaits the acknowledgements and deletes, in one short transaction.
    pub(super) async fn once(&mut self, pool: &PgPool, bus: &Bus) -> Result<Pumped, Stuck> {
        if bus.client().connection_state() != State::Connected {
            return Err(Stuck::Disconnected);
        }
        let conn = match self.0.take() {
            Some(conn) => conn,
            None => own_connection(pool).await?,
        };
        // Taken back only from a round without an error of the database.
        let (conn, pumped) = round(conn, bus).await?;
        self.0 = Some(conn);
        pumped
    }
}

async fn own_connection(pool: &PgPool) -> sqlx::Result<PoolConnection<Postgres>> {
    let mut conn = pool.acquire().await?;
    conn.close_on_drop();
    conn.execute(SESSION).await?;
    Ok(conn)
}

type Round = (PoolConnection<Postgres>, Result<Pumped, Stuck>);

async fn round(mut conn: PoolConnection<Postgres>, bus: &Bus) -> sqlx::Result<Round> {
    let mut tx = conn.begin().await?;
    let rows = store::claim(&mut tx, LIMIT).await?;
    let lag = rows.first().map_or(0.0, |row| row.age_seconds);
    metrics::gauge!("bus.outbox.lag").set(lag);
    if rows.is_empty() {
        tx.rollback().await?;
        return Ok((conn, Ok(Pumped::default())));
    }
    let sent = publish(bus, rows).await;
    if sent.acked.is_empty() {
        tx.rollback().await?;
        let stuck = sent.last_error.map(|last| Stuck::Refused {
            stream_missing: sent.stream_missing,
            last,
        });
        return Ok((conn, stuck.map_or(Ok(Pumped::default()), Err)));
    }
    store::delete(&mut tx, &sent.acked).await?;
    if !sent.refused.is_empty() {
        store::postpone(&mut tx, &sent.refused).await?;
        metrics::counter!("bus.outbox.postponed").increment(sent.refused.len() as u64);
    }
    tx.commit().await?;
    let pumped = Pumped {
        published: sent.acked.len(),
        postponed: sent.refused.len(),
    };
    Ok((conn, Ok(pumped)))
}

#[derive(Default)]
struct Sent {
    acked: Vec<i64>,
    refused: Vec<i64>,
    stream_missing: bool,
    last_error: Option<PublishError>,
}

/// All publishes first, then all acknowledgements: each is bounded by the context's timeout.
async fn publish(bus: &Bus, rows: Vec<Claimed>) -> Sent {
    let mut sent = Sent::default();
    let mut under_way = Vec::with_capacity(rows.len());
    for mut row in rows {
        let headers = headers(bus, &row);
        let subject = bus.names().subject(&row.subject);
        let payload = std::mem::take(&mut row.payload).into();
        match bus
            .start_publish(&subject, &row.sending_id, headers, payload)
            .await
        {
            Ok(ack) => under_way.push(async move { (row, ack.await) }),
            Err(error) => sent.failed(&row, error),
        }
    }
    for (row, ack) in join_all(under_way).await {
        match ack {
            Ok(ack) => {
                acknowledged(&row.event, &row.sending_id, &ack);
                sent.acked.push(row.id);
            }
            Err(error) => sent.failed(&row, error),
        }
    }
    sent
}

impl Sent {
    fn failed(&mut self, row: &Claimed, error: PublishError) {
        tracing::debug!(message.id = %row.message_id, message.r#type = %row.event, %error, "not acknowledged");
        match error.kind() {
            PublishErrorKind::StreamNotFound => self.stream_missing = true,
            // Unknown: it may be stored, and goes out again under the same id.
            PublishErrorKind::TimedOut | PublishErrorKind::BrokenPipe => {}
            PublishErrorKind::WrongLastMessageId
            | PublishErrorKind::WrongLastSequence
            | PublishErrorKind::MaxAckPending
            | PublishErrorKind::MaxPayloadExceeded
            | PublishErrorKind::Other => self.refused.push(row.id),
        }
        self.last_error = Some(error);
    }
}

fn headers(bus: &Bus, row: &Claimed) -> HeaderMap {
    let mut headers = Envelope {
        id: &row.message_id,
        event: &row.event,
        source: bus.source(),
        time: row.created_at,
        about: row.about.as_deref(),
        traceparent: row.traceparent.as_deref(),
        channels: row.channels.as_deref(),
    }
    .headers();
    if let Some(extra) = row.extra.as_ref().and_then(|extra| extra.as_object()) {
        for (name, value) in extra {
            if let Some(value) = value.as_str() {
                headers.insert(name.as_str(), envelope::line(value).as_ref());
            }
        }
    }
    headers
}
