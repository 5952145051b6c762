//! Repairs what lost messages, wiped brokers and killed replicas leave of fetch jobs, ends those past
//! their deadline, and has the last days looked at each hour. Each step is one short transaction;
//! every replica may run it. Repairs are counted: one that repairs often is a bug report.

use crate::app::AppState;
use crate::domain::sales_day;
use crate::measures;
use crate::store;
use crate::workflow::{self, JobError};
use chrono::{DateTime, Days, Utc};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use vigie_bus::{Bus, outbox};
use vigie_events::fiche_jobs::RevalidateDate;

/// Pause between rounds.
const EVERY: Duration = Duration::from_secs(15);
/// Repairs of one kind in one round.
const MOST: usize = 100;
/// Accesses forgotten in one round.
const FORGOTTEN: i64 = 10_000;
/// Pause between looks at a recent day.
const REVALIDATE_EVERY: Duration = Duration::from_hours(1);

/// How much a round did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Repairs {
    /// Jobs ended because of their deadline.
    pub overdue: usize,
    /// Jobs whose commands were sent once more.
    pub lost: usize,
    /// Days that will be looked at.
    pub revalidated: usize,
}

/// Sweeps until `stop`.
pub async fn run(state: AppState, bus: Bus, stop: CancellationToken) -> anyhow::Result<()> {
    bus.rounds(EVERY, &stop, |stream_created| round(&state, stream_created))
        .await;
    Ok(())
}

/// One round.
pub async fn round(
    state: &AppState,
    stream_created: Option<DateTime<Utc>>,
) -> Result<Repairs, JobError> {
    let mut repairs = Repairs::default();
    while repairs.overdue < MOST && expire(state).await? {
        repairs.overdue += 1;
    }
    while repairs.lost < MOST && restart(state, stream_created).await? {
        repairs.lost += 1;
    }
    repairs.revalidated = revalidate(state).await?;
    forget(state).await?;
    measures::tell(state).await?;
    let counted = [("overdue", repairs.overdue), ("sent_again", repairs.lost)];
    for (repair, count) in counted {
        metrics::counter!("fiche.job.repairs", "repair" => repair).increment(count as u64);
    }
    Ok(repairs)
}

/// What is of no use any more, or may not be kept longer.
async fn forget(state: &AppState) -> Result<(), JobError> {
    let mut conn = state.db.acquire().await?;
    store::lease::forget_failures(&mut conn).await?;
    store::access::forget(&mut conn, state.access_days, FORGOTTEN).await?;
    Ok(())
}

async fn expire(state: &AppState) -> Result<bool, JobError> {
    let mut tx = state.db.begin().await?;
    let Some(job) = store::jobs::overdue(&mut tx).await? else {
        return Ok(false);
    };
    workflow::expire(state, &mut tx, &job).await?;
    tx.commit().await?;
    tracing::warn!(job.id = job, "fetch job ended by its deadline");
    Ok(true)
}

async fn restart(
    state: &AppState,
    stream_created: Option<DateTime<Utc>>,
) -> Result<bool, JobError> {
    let mut tx = state.db.begin().await?;
    let Some(job) = store::jobs::lost(&mut tx, stream_created).await? else {
        return Ok(false);
    };
    workflow::restart(&mut tx, &job).await?;
    tx.commit().await?;
    tracing::warn!(job.id = job, "commands of a fetch job sent again");
    Ok(true)
}

async fn revalidate(state: &AppState) -> Result<usize, JobError> {
    let today = sales_day::today(state.jobs.timezone, Utc::now());
    let days: Vec<_> = (0..state.jobs.revalidate_recent_days)
        .filter_map(|back| today.checked_sub_days(Days::new(back)))
        .collect();
    if days.is_empty() {
        return Ok(0);
    }
    let mut tx = state.db.begin().await?;
    let cooldown = state.jobs.revalidate_cooldown;
    let due = store::days::due(&mut tx, &days, REVALIDATE_EVERY, cooldown).await?;
    let commands: Vec<_> = due
        .iter()
        .map(|(day, at)| RevalidateDate::message(*day, *at))
        .collect();
    outbox::send_all(&mut tx, &commands).await?;
    tx.commit().await?;
    Ok(commands.len())
}
