use super::attempt::{Done, InTransaction};
use super::guard::{Verdict, guard, signal};
use super::inbound::Inbound;
use super::lane::LaneRuntime;
use super::single::{hand_back, one, settled, unreadable, without_database};
use super::slot::Work;
use super::{BatchHandler, Delivery, Failure, Handler, database};
use crate::error::chain;
use crate::{Db, store};
use async_nats::jetstream::Message;
use futures::future::join_all;
use sqlx::PgConnection;
use std::collections::HashSet;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::time::Instant;
use tracing::Instrument;
use vigie_events::Event;

/// Messages that arrived together, in one transaction.
pub(super) struct Batches<E, H> {
    solo: InTransaction<Solo<H>>,
    event: PhantomData<fn(E)>,
}

impl<E: Event, H: BatchHandler<E>> Batches<E, H> {
    pub(super) fn new(_event: PhantomData<E>, db: Db, handler: H) -> Self {
        let handler = Solo(handler);
        Self {
            solo: InTransaction { db, handler },
            event: PhantomData,
        }
    }
}

/// A batch handler that is given batches of one.
struct Solo<H>(H);

impl<E: Event, H: BatchHandler<E>> Handler<E> for Solo<H> {
    async fn handle(&self, tx: &mut PgConnection, delivery: &Delivery<E>) -> Result<(), Failure> {
        self.0.handle(tx, std::slice::from_ref(delivery)).await
    }

    async fn parked(
        &self,
        tx: &mut PgConnection,
        delivery: &Delivery<E>,
        reason: &str,
    ) -> Result<(), Failure> {
        self.0.parked(tx, delivery, reason).await
    }
}

/// Done with all of them: the server takes what one connection says in order, so its word on the last
/// stands for the others.
async fn ack_together(lane: &LaneRuntime, batch: &[Inbound]) {
    if let Some((last, others)) = batch.split_last() {
        for inbound in others {
            inbound.ack_unconfirmed().await;
        }
        last.ack(lane).await;
    }
}

/// How a batch ended: the members that took effect now; the others had before.
struct Together {
    handled: usize,
    seen: usize,
}

impl<E: Event, H: BatchHandler<E>> Work<E> for Batches<E, H> {
    async fn run(&self, lane: &LaneRuntime, messages: Vec<Message>) {
        let mut batch = Vec::with_capacity(messages.len());
        let mut alone = Vec::new();
        for message in messages {
            let inbound = Inbound::new(message);
            match inbound.decode::<E>(lane) {
                Ok(delivery) => {
                    // What must not share its fate: a replay, and what is past its attempts.
                    let apart = inbound.replay > 0 || delivery.delivery > lane.options.max_attempts;
                    let member = (inbound, delivery);
                    if apart { &mut alone } else { &mut batch }.push(member);
                }
                Err(error) => {
                    let reason = format!("undecodable: {}", chain(&*error));
                    let span = inbound.span::<E>(lane);
                    unreadable::<E, _>(lane, &inbound, &self.solo, &reason)
                        .instrument(span)
                        .await;
                }
            }
        }
        if batch.len() > 1 {
            // Its span follows the first message; the ids of all would not fit.
            let span = batch[0].0.span::<E>(lane);
            let failed = self.together(lane, batch).instrument(span).await;
            alone.extend(failed);
        } else {
            alone.append(&mut batch);
        }
        self.one_by_one(lane, alone).await;
    }
}

impl<E: Event, H: BatchHandler<E>> Batches<E, H> {
    /// Handles the batch; returns its members when it failed.
    async fn together(
        &self,
        lane: &LaneRuntime,
        batch: Vec<(Inbound, Delivery<E>)>,
    ) -> Vec<(Inbound, Delivery<E>)> {
        let (inbound, deliveries): (Vec<_>, Vec<_>) = batch.into_iter().unzip();
        let held: Vec<&Inbound> = inbound.iter().collect();
        let began = Instant::now();
        let deadline = began + lane.options.deadline;
        let verdict = guard(lane, &held, deadline, self.transaction(lane, &deliveries)).await;
        lane.meters.seconds.record(began.elapsed());
        #[expect(clippy::cast_precision_loss, reason = "a batch is small")]
        lane.meters.batch.record(deliveries.len() as f64);
        match verdict {
            Verdict::Done(Together { handled, seen }) => {
                lane.meters.handled.increment(handled as u64);
                (0..seen).for_each(|_| settled(lane, Done::Seen));
                ack_together(lane, &inbound).await;
                Vec::new()
            }
            Verdict::Abandoned => {
                join_all(inbound.iter().map(|it| hand_back(lane, it))).await;
                Vec::new()
            }
            Verdict::Failed(failure) if database::unavailable(failure.error()) => {
                let reason = chain(failure.error());
                join_all(inbound.iter().map(|it| without_database(lane, it, &reason))).await;
                Vec::new()
            }
            Verdict::Failed(failure) => {
                metrics::counter!("bus.batch.split", "consumer" => lane.name.clone()).increment(1);
                tracing::info!(error = %chain(failure.error()), size = deliveries.len(), "batch failed, its members follow alone");
                inbound.into_iter().zip(deliveries).collect()
            }
        }
    }

    async fn transaction(
        &self,
        lane: &LaneRuntime,
        deliveries: &[Delivery<E>],
    ) -> Result<Together, Failure> {
        let ids: Vec<String> = deliveries
            .iter()
            .map(|it| it.id.as_str().to_owned())
            .collect();
        let mut tx = self.solo.db.begin().await.map_err(database::lost)?;
        let new = store::inbox::insert_all(&mut tx, &lane.inbox, &ids).await?;
        let handled = new.len();
        let seen = deliveries.len() - handled;
        if handled == 0 {
            tx.rollback().await?;
            return Ok(Together { handled, seen });
        }
        let ended = if seen == 0 {
            self.solo.handler.0.handle(&mut tx, deliveries).await
        } else {
            // Removing an id also drops its second copy within the batch.
            let mut new: HashSet<String> = new.into_iter().collect();
            let fresh: Vec<Delivery<E>> = deliveries
                .iter()
                .filter(|it| new.remove(it.id.as_str()))
                .cloned()
                .collect();
            self.solo.handler.0.handle(&mut tx, &fresh).await
        };
        match ended {
            Ok(()) => {
                tx.commit().await?;
                Ok(Together { handled, seen })
            }
            Err(failure) => {
                tx.rollback().await?;
                Err(failure)
            }
        }
    }

    /// One after the other, while the server is told that the later ones are still held. Each
    /// has its whole deadline.
    async fn one_by_one(&self, lane: &LaneRuntime, members: Vec<(Inbound, Delivery<E>)>) {
        let begun = AtomicUsize::new(0);
        let work = async {
            for (index, (inbound, delivery)) in members.iter().enumerate() {
                begun.store(index + 1, Ordering::Relaxed);
                if lane.stop.is_cancelled() && index > 0 {
                    hand_back(lane, inbound).await;
                    continue;
                }
                let delivery = Delivery {
                    deadline: Instant::now() + lane.options.deadline,
                    ..delivery.clone()
                };
                let span = inbound.span::<E>(lane);
                one(lane, inbound, &delivery, &self.solo)
                    .instrument(span)
                    .await;
            }
        };
        // Those begun speak for themselves, those settled must stay silent.
        let waiting = || {
            let waiting = members.iter().skip(begun.load(Ordering::Relaxed));
            join_all(waiting.map(|(inbound, _)| inbound.progress()))
        };
        tokio::select! {
            biased;
            () = work => {}
            never = signal(lane, waiting) => match never {},
        }
    }
}
