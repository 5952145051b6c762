use super::attempt::{Attempt, Done};
use super::guard::{Verdict, guard};
use super::inbound::Inbound;
use super::lane::LaneRuntime;
use super::slot::Work;
use super::{Delivery, Failure, backoff, database, park};
use crate::error::chain;
use crate::store;
use crate::store::outbox::NewRow;
use async_nats::jetstream::Message;
use futures::future::join_all;
use std::marker::PhantomData;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::Instant;
use tracing::Instrument;
use vigie_events::Event;

/// Deliveries after the last attempt in which a failing last word is heard once more.
const LAST_WORD_TRIES: u32 = 10;

/// Deliveries after the last attempt that are tried all the same: an attempt may have ended with
/// its replica, or found no database.
pub(super) const SILENT_TRIES: u32 = 2;

/// Messages each on its own; those taken together run side by side.
pub(super) struct Singles<E, A> {
    attempt: A,
    event: PhantomData<fn(E)>,
}

impl<E: Event, A: Attempt<E>> Singles<E, A> {
    pub(super) fn new(_event: PhantomData<E>, attempt: A) -> Self {
        Self {
            attempt,
            event: PhantomData,
        }
    }
}

impl<E: Event, A: Attempt<E>> Work<E> for Singles<E, A> {
    async fn run(&self, lane: &LaneRuntime, messages: Vec<Message>) {
        join_all(
            messages
                .into_iter()
                .map(|message| self.handle(lane, message)),
        )
        .await;
    }
}

impl<E: Event, A: Attempt<E>> Singles<E, A> {
    async fn handle(&self, lane: &LaneRuntime, message: Message) {
        let inbound = Inbound::new(message);
        let span = inbound.span::<E>(lane);
        async {
            match inbound.decode(lane) {
                Ok(delivery) => one(lane, &inbound, &delivery, &self.attempt).await,
                Err(error) => {
                    let reason = format!("undecodable: {}", chain(&*error));
                    unreadable::<E, A>(lane, &inbound, &self.attempt, &reason).await;
                }
            }
        }
        .instrument(span)
        .await;
    }
}

/// Runs one message and settles it.
pub(super) async fn one<E: Event>(
    lane: &LaneRuntime,
    inbound: &Inbound,
    delivery: &Delivery<E>,
    attempt: &impl Attempt<E>,
) {
    if delivery.delivery > lane.options.max_attempts.saturating_add(SILENT_TRIES) {
        // Earlier deliveries ended without a word: it may be what kills its workers.
        let reason = format!("no outcome after {} deliveries", delivery.delivery - 1);
        bury(lane, inbound, delivery, attempt, &reason).await;
        return;
    }
    let began = Instant::now();
    let work = attempt.attempt(lane, inbound, delivery);
    let verdict = guard(lane, &[inbound], delivery.deadline, work).await;
    lane.meters.seconds.record(began.elapsed());
    match verdict {
        Verdict::Done(done) => {
            settled(lane, done);
            inbound.ack(lane).await;
        }
        Verdict::Abandoned => hand_back(lane, inbound).await,
        Verdict::Failed(failure) => failed(lane, inbound, delivery, attempt, &failure).await,
    }
}

pub(super) fn settled(lane: &LaneRuntime, done: Done) {
    match done {
        Done::Handled => lane.meters.handled.increment(1),
        Done::Foreign => lane.meters.foreign.increment(1),
        Done::Seen => {
            lane.meters.seen.increment(1);
            tracing::info!("skipped: seen before");
        }
    }
}

pub(super) async fn hand_back(lane: &LaneRuntime, inbound: &Inbound) {
    lane.meters.handed_back.increment(1);
    tracing::info!("handed back: this replica stops");
    inbound.hand_back().await;
}

/// A message nobody can read goes to the dead letters at once.
pub(super) async fn unreadable<E: Event, A: Attempt<E>>(
    lane: &LaneRuntime,
    inbound: &Inbound,
    attempt: &A,
    reason: &str,
) {
    match park::undecodable(attempt.db(), lane, inbound, reason).await {
        Ok(()) => parked(lane, inbound, reason).await,
        Err(error) => {
            tracing::error!(error = %chain(&error), "undecodable message not parked");
            inbound.nak(backoff::nak(inbound.delivery)).await;
        }
    }
}

async fn parked(lane: &LaneRuntime, inbound: &Inbound, reason: &str) {
    lane.meters.parked.increment(1);
    lane.meters.parks.increment(1);
    tracing::error!(reason, "parked in the dead letters");
    inbound.term(lane).await;
}

/// What follows a failure.
#[derive(Debug, PartialEq, Eq)]
enum Plan {
    Nak(Duration),
    Defer(Duration),
    Park,
}

fn plan(failure: &Failure, delivery: u32, max_attempts: u32, database: bool) -> Plan {
    match failure {
        Failure::Park { .. } => Plan::Park,
        Failure::Defer { after, .. } if database => Plan::Defer(*after),
        Failure::Retry {
            after: Some(after), ..
        } if database && *after > backoff::LONGEST_NAK => Plan::Defer(*after),
        Failure::Retry { .. } | Failure::Defer { .. } if delivery >= max_attempts => Plan::Park,
        Failure::Retry {
            after: Some(after), ..
        }
        | Failure::Defer { after, .. } => {
            Plan::Nak(backoff::asked(*after).min(backoff::LONGEST_NAK))
        }
        Failure::Retry { after: None, .. } => Plan::Nak(backoff::nak(delivery)),
    }
}

async fn failed<E: Event>(
    lane: &LaneRuntime,
    inbound: &Inbound,
    delivery: &Delivery<E>,
    attempt: &impl Attempt<E>,
    failure: &Failure,
) {
    let reason = chain(failure.error());
    if database::unavailable(failure.error()) {
        return without_database(lane, inbound, &reason).await;
    }
    let database = attempt.db().is_some();
    match plan(
        failure,
        delivery.delivery,
        lane.options.max_attempts,
        database,
    ) {
        Plan::Park => bury(lane, inbound, delivery, attempt, &reason).await,
        Plan::Nak(delay) => {
            lane.meters.retried.increment(1);
            lane.meters.retries.increment(1);
            tracing::warn!(error = reason, ?delay, "failed, delivered again");
            inbound.nak(delay).await;
        }
        Plan::Defer(after) => match defer(lane, inbound, delivery, attempt, after).await {
            Ok(()) => {
                lane.meters.deferred.increment(1);
                tracing::info!(error = reason, ?after, "deferred");
                inbound.ack(lane).await;
            }
            Err(error) => {
                tracing::warn!(error = %chain(&error), "not deferred, delivered again");
                inbound.nak(backoff::nak(delivery.delivery)).await;
            }
        },
    }
}

/// Not the message's fault: it comes back, and its slot waits for the database.
pub(super) async fn without_database(lane: &LaneRuntime, inbound: &Inbound, reason: &str) {
    lane.database_lost.store(true, Ordering::Relaxed);
    lane.meters.retried.increment(1);
    lane.meters.retries.increment(1);
    tracing::warn!(error = reason, "no database, delivered again");
    inbound.nak(backoff::nak(inbound.delivery)).await;
}

/// Puts the message back into the outbox, to be sent again then.
async fn defer<E: Event>(
    lane: &LaneRuntime,
    inbound: &Inbound,
    delivery: &Delivery<E>,
    attempt: &impl Attempt<E>,
    after: Duration,
) -> sqlx::Result<()> {
    let Some(db) = attempt.db() else {
        return Ok(());
    };
    let mut tx = db.begin().await?;
    let row = NewRow {
        message_id: delivery.id.as_str(),
        // Of this sending: when the acknowledgement is lost, the second deferral is a duplicate.
        sending_id: format!("{}#d{}", delivery.id, inbound.stream_sequence),
        event: E::NAME,
        subject: inbound.subject(lane),
        about: None,
        traceparent: None,
        extra: Some(park::json(park::kept(inbound).collect())),
        payload: &String::from_utf8_lossy(inbound.payload()),
        wait: Some(after),
    };
    store::outbox::insert_one(&mut tx, row).await?;
    tx.commit().await
}

/// Gives a message up, with the service's last word.
async fn bury<E: Event>(
    lane: &LaneRuntime,
    inbound: &Inbound,
    delivery: &Delivery<E>,
    attempt: &impl Attempt<E>,
    reason: &str,
) {
    let patience = lane.options.max_attempts.saturating_add(LAST_WORD_TRIES);
    let last_word = delivery.delivery <= patience;
    let deadline = Instant::now() + lane.options.deadline;
    let work = attempt.park(lane, inbound, delivery, reason, last_word);
    match guard(lane, &[inbound], deadline, work).await {
        Verdict::Done(Done::Handled) => parked(lane, inbound, reason).await,
        Verdict::Done(done @ (Done::Seen | Done::Foreign)) => {
            settled(lane, done);
            inbound.ack(lane).await;
        }
        Verdict::Abandoned => hand_back(lane, inbound).await,
        Verdict::Failed(failure) => {
            if database::unavailable(failure.error()) {
                return without_database(lane, inbound, reason).await;
            }
            tracing::error!(reason, error = %chain(failure.error()), "not parked");
            inbound.nak(backoff::nak(delivery.delivery)).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(120);
    const SHORT: Duration = Duration::from_secs(3);

    #[test]
    fn the_last_attempt_parks_and_earlier_ones_come_back() {
        let failure = Failure::retry("down");
        assert!(matches!(plan(&failure, 1, 3, true), Plan::Nak(_)));
        assert!(matches!(plan(&failure, 2, 3, true), Plan::Nak(_)));
        assert_eq!(plan(&failure, 3, 3, true), Plan::Park);
        assert_eq!(plan(&Failure::park("bad"), 1, 3, true), Plan::Park);
    }

    #[test]
    fn long_waits_leave_the_queue_and_are_not_counted() {
        let failure = Failure::retry_after("limited", LONG);
        assert_eq!(plan(&failure, 3, 3, true), Plan::Defer(LONG));
        let failure = Failure::defer("busy", SHORT);
        assert_eq!(plan(&failure, 9, 3, true), Plan::Defer(SHORT));
    }

    #[test]
    fn short_waits_are_naks() {
        let failure = Failure::retry_after("soon", SHORT);
        let Plan::Nak(delay) = plan(&failure, 1, 3, true) else {
            panic!("not a nak");
        };
        assert!(delay >= SHORT && delay <= SHORT.mul_f64(1.1));
    }

    #[test]
    fn without_a_database_long_waits_are_cut() {
        let failure = Failure::retry_after("limited", LONG);
        assert_eq!(plan(&failure, 1, 3, false), Plan::Nak(backoff::LONGEST_NAK));
        assert_eq!(plan(&failure, 3, 3, false), Plan::Park);
    }
}
