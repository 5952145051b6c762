//! Publishes what the outbox holds. Woken by commits in this process; each second it also looks
//! for what crashed replicas left and for rows whose time has come. Relays of several replicas
//! share the rows by skipping locked ones.

mod pump;
mod sweep;

use crate::{Bus, BusError, Db, error};
use pump::{Pump, Pumped, Stuck};
use std::time::Duration;
use sweep::Sweeper;
use tokio_util::sync::CancellationToken;

/// First and longest pause after a failure.
const PAUSES: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(5));
/// How long a relay that has just published lets commits gather: a round costs four round trips,
/// however many messages it takes. The first commit after a rest goes out at once.
const GATHER: Duration = Duration::from_millis(10);
/// How long a stopping relay waits for the handlers, which have ten seconds.
const LAST_SENDERS: Duration = Duration::from_secs(12);
/// How long it then goes on emptying the outbox.
const LAST_WORDS: Duration = Duration::from_secs(2);

pub(crate) async fn run(db: &Db, bus: &Bus, stop: &CancellationToken) -> Result<(), BusError> {
    let mut sweeper = Sweeper::new();
    let mut pump = Pump::default();
    let mut failures = 0;
    let ended = async {
        stop.cancelled().await;
        // What the last handlers send goes out too; no longer than they may take.
        tokio::time::timeout(LAST_SENDERS, db.senders_ended())
            .await
            .is_ok()
    };
    let mut ended = std::pin::pin!(ended);
    loop {
        match pump.once(db.pool(), bus).await {
            Ok(pumped) => {
                failures = 0;
                sweeper.count(&pumped);
                if pumped.is_full() {
                    continue;
                }
                if pumped.published > 0 {
                    tokio::time::sleep(GATHER).await;
                }
            }
            Err(stuck) => {
                failures += 1;
                unstick(bus, &stuck, failures).await;
            }
        }
        let pause = pause(failures);
        tokio::select! {
            biased;
            _in_time = &mut ended => break,
            () = tokio::time::sleep(pause), if failures > 0 => {}
            () = db.waker().notified(), if failures == 0 => {}
            () = sweeper.due() => sweeper.sweep(db.pool()).await,
        }
    }
    // What was committed just before is better sent now than by another replica's sweep.
    let emptied = tokio::time::timeout(LAST_WORDS, async {
        while pump
            .once(db.pool(), bus)
            .await
            .is_ok_and(|it| it != Pumped::default())
        {}
    });
    if emptied.await.is_err() {
        tracing::info!("the outbox is left to other replicas");
    }
    Ok(())
}

fn pause(failures: u32) -> Duration {
    let (first, longest) = PAUSES;
    first.saturating_mul(1 << failures.min(6)).min(longest)
}

/// Rows stay where they are; a broker that lost its streams gets them back.
async fn unstick(bus: &Bus, stuck: &Stuck, failures: u32) {
    metrics::counter!("bus.outbox.stuck").increment(1);
    match stuck {
        Stuck::Disconnected => tracing::warn!(failures, "outbox waits for the broker"),
        Stuck::Database(cause) => {
            tracing::warn!(failures, error = %error::chain(cause), "outbox cannot be read");
        }
        Stuck::Refused {
            stream_missing,
            last,
        } => {
            tracing::warn!(failures, stream_missing, error = %last, "outbox is not accepted");
            if *stream_missing
                && failures > 1
                && let Err(cause) = bus.ensure_topology().await
            {
                tracing::warn!(error = %error::chain(&cause), "topology not ensured");
            }
        }
    }
}
