use super::Failure;
use super::inbound::Inbound;
use super::lane::LaneRuntime;
use futures::FutureExt;
use futures::future::join_all;
use std::any::Any;
use std::convert::Infallible;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior};

/// What a stopping replica gives to what it holds.
const GRACE: Duration = Duration::from_secs(10);

/// How a guarded piece of work ended.
pub(super) enum Verdict<T> {
    Done(T),
    Failed(Failure),
    /// The replica stops and could not wait any longer.
    Abandoned,
}

/// Runs work for as long as it may: with a deadline, telling the server that it goes on, and
/// containing its panics. The in-progress signals are a part of this very task, so none is sent
/// after this returns: a stray one would undo a delayed nak.
pub(super) async fn guard<T>(
    lane: &LaneRuntime,
    held: &[&Inbound],
    deadline: Instant,
    work: impl Future<Output = Result<T, Failure>>,
) -> Verdict<T> {
    tokio::select! {
        biased;
        ended = AssertUnwindSafe(work).catch_unwind() => match ended {
            Ok(Ok(done)) => Verdict::Done(done),
            Ok(Err(failure)) => Verdict::Failed(failure),
            Err(panic) => Verdict::Failed(Failure::retry(format!("panicked: {}", text(&*panic)))),
        },
        () = tokio::time::sleep_until(deadline) => {
            let seconds = lane.options.deadline.as_secs_f32();
            Verdict::Failed(Failure::retry(format!("not done within {seconds} s")))
        }
        never = signal(lane, || join_all(held.iter().map(|it| it.progress()))) => match never {},
        () = overdue(lane) => Verdict::Abandoned,
    }
}

/// Calls `progress` every third of the acknowledgement wait, for ever.
pub(super) async fn signal<F: Future>(lane: &LaneRuntime, progress: impl Fn() -> F) -> Infallible {
    let every = lane.options.ack_wait / 3;
    let mut ticks = tokio::time::interval_at(Instant::now() + every, every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        progress().await;
    }
}

async fn overdue(lane: &LaneRuntime) {
    lane.stop.cancelled().await;
    tokio::time::sleep(GRACE).await;
}

/// What a panic said.
fn text(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without a text")
}
