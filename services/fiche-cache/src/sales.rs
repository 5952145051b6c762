//! Fetches the sales of a day and writes them: for jobs, for the hourly look and for automation.

use crate::app::AppState;
use crate::store;
use crate::store::days::Listed;
use chrono::{DateTime, NaiveDate, Utc};
use sqlx::PgConnection;
use std::time::Duration;
use vigie_bus::{OutboxError, outbox};
use vigie_events::fiche::FicheFetch;
use vigie_events::ids::FicheId;
use vigie_identity::FicheScope;
use vigie_upstream::crm::{CrmClient, CrmError, SaleFiche, SalesList};

/// How long the CRM may take, its own retries included.
const BUDGET: Duration = Duration::from_secs(240);
/// Until then nobody else asks for the day; the writing is in it.
const LEASE: Duration = Duration::from_mins(5);
/// Fiches of one transaction.
const AT_ONCE: usize = 250;

/// Why a day was not fetched.
#[derive(Debug, thiserror::Error)]
pub enum DayError {
    /// Somebody else is fetching it.
    #[error("sales of {0} are being fetched")]
    Busy(NaiveDate),
    /// The CRM did not give them.
    #[error(transparent)]
    Crm(#[from] CrmError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] sqlx::Error),
    /// The outbox refused a message.
    #[error(transparent)]
    Outbox(#[from] OutboxError),
}

/// Fetches a day for `holder` and says how many sales it has. What was written before a crash is
/// written again, to the same effect.
#[tracing::instrument(name = "sales.refresh", skip_all, fields(%day), err(level = "debug"))]
pub async fn refresh(
    state: &AppState,
    crm: &CrmClient,
    day: NaiveDate,
    holder: &str,
) -> Result<i32, DayError> {
    let asked_at = claim(state, day, holder).await?;
    match fetch(state, crm, day).await {
        Ok(listed) => {
            let mut conn = state.db.acquire().await?;
            store::days::fetched(&mut conn, day, holder, asked_at, listed).await?;
            metrics::counter!("fiche.sales_days", "outcome" => "fetched").increment(1);
            Ok(listed.cached)
        }
        Err(error) => {
            metrics::counter!("fiche.sales_days", "outcome" => "failed").increment(1);
            let noted = async {
                let mut conn = state.db.acquire().await?;
                store::days::failed(&mut conn, day, holder, &error.to_string()).await
            };
            if let Err(cause) = noted.await {
                tracing::warn!(%day, %cause, "lease of a day left to expire");
            }
            Err(error)
        }
    }
}

/// Takes the day. What the CRM tells is as old as the moment it was asked.
async fn claim(state: &AppState, day: NaiveDate, holder: &str) -> Result<DateTime<Utc>, DayError> {
    let mut conn = state.db.acquire().await?;
    if !store::days::claim(&mut conn, day, holder, LEASE).await? {
        return Err(DayError::Busy(day));
    }
    Ok(store::clock::now(&mut conn).await?)
}

async fn fetch(state: &AppState, crm: &CrmClient, day: NaiveDate) -> Result<Listed, DayError> {
    let list = crm.within(BUDGET).sales(day, day).await?;
    let mut cached = 0;
    for sales in list.fiches.chunks(AT_ONCE) {
        cached += write(state, day, sales, list.with_recordings).await?;
    }
    let listed = Listed {
        expected: count(distinct(&list)),
        cached: count(cached),
        quarantined: count(list.quarantined.len()),
    };
    tracing::info!(%day, sales = listed.cached, quarantined = listed.quarantined, "sales of a day cached");
    Ok(listed)
}

/// One transaction: the fiches, the facts about them, and for new ones the wish for their details:
/// only those say whose sale it is.
async fn write(
    state: &AppState,
    day: NaiveDate,
    sales: &[SaleFiche],
    with_recordings: bool,
) -> Result<usize, DayError> {
    let mut tx = state.db.begin().await?;
    let written = store::sales::write(&mut tx, day, sales, with_recordings).await?;
    let ids: Vec<String> = written.iter().map(|one| one.fiche_id.clone()).collect();
    tell(&mut tx, &ids).await?;
    let new = written.iter().filter(|one| one.new);
    let wanted: Vec<_> = new
        .filter_map(|one| one.fiche_id.parse::<FicheId>().ok())
        .map(FicheFetch::for_new_sale)
        .collect();
    outbox::send_all(&mut tx, &wanted).await?;
    tx.commit().await?;
    Ok(written.len())
}

async fn tell(conn: &mut PgConnection, fiches: &[String]) -> Result<(), DayError> {
    let summaries = store::fiche::summaries(conn, fiches, &FicheScope::everything()).await?;
    let facts: Vec<_> = summaries
        .into_iter()
        .map(|one| one.summary.updated().message())
        .collect();
    Ok(outbox::send_all(conn, &facts).await?)
}

fn distinct(list: &SalesList) -> usize {
    let ids: std::collections::HashSet<&str> =
        list.fiches.iter().map(|sale| sale.id.as_str()).collect();
    ids.len()
}

fn count(number: usize) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}
