//! `fiche/fetch`: the cache decides whether the CRM is asked; either way a fact answers the command.

use crate::app::AppState;
use crate::domain::cached::CachedFiche;
use crate::domain::decision::{FetchDecision, FetchReason, for_fetch};
use crate::domain::details::{DetailsError, NewDetails};
use crate::domain::summary::{Answer, Summary};
use crate::store;
use crate::store::fiche::Look;
use crate::store::lease::{Failed, FailedKind};
use sqlx::PgConnection;
use std::time::{Duration, Instant};
use vigie_bus::{Delivery, Failure, Worker, outbox};
use vigie_events::fiche::{FetchFailure, FicheFetch, FicheFetchFailed};
use vigie_events::ids::FicheId;
use vigie_upstream::crm::{CrmError, FicheOptions};

/// How long a fetch keeps others from asking about the same fiche. One that takes longer still ends
/// well: writing is settled by the fiche's lock.
const LEASE: Duration = Duration::from_secs(60);
/// When a command looks again whose fiche is being fetched.
const BUSY: Duration = Duration::from_secs(1);
/// Below the handler's deadline, so that the CRM's answer is what is reported.
const BUDGET: Duration = Duration::from_secs(280);

/// Another worker is asking the CRM for this fiche.
#[derive(Debug, thiserror::Error)]
#[error("fiche {0} is being fetched")]
struct Busy(FicheId);

pub(super) struct Fetch {
    state: AppState,
}

/// What the work found.
#[derive(Debug)]
pub(super) enum Found {
    /// The cache is good; the fact tells what was read.
    Cached { summary: Box<Summary>, leased: bool },
    /// A marker says so.
    MarkedAbsent { leased: bool },
    /// The CRM says so.
    Absent(FetchReason),
    /// New details, taken when the row had this version.
    Details {
        new: Box<NewDetails>,
        took: Duration,
        seen: Option<i64>,
    },
    /// Trying again would not help.
    Failed { kind: FetchFailure, error: String },
}

impl Fetch {
    pub(super) const fn new(state: AppState) -> Self {
        Self { state }
    }

    /// Claims the fiche. Somebody may have fetched it since it was looked at, so the cache decides again.
    async fn claim(&self, delivery: &Delivery<FicheFetch>) -> Result<Claim, Failure> {
        let fiche = &delivery.body.fiche_id;
        let mut conn = self.state.db.acquire().await?;
        let claim = self.look(&mut conn, delivery, false).await?;
        if !matches!(claim.decision, FetchDecision::Fetch(_)) {
            return Ok(claim);
        }
        let holder = delivery.id.as_str();
        if !store::lease::claim(&mut conn, fiche, holder, LEASE).await? {
            return Err(Failure::defer(Busy(fiche.clone()), BUSY));
        }
        Ok(self.look(&mut conn, delivery, true).await?)
    }

    async fn look(
        &self,
        conn: &mut PgConnection,
        delivery: &Delivery<FicheFetch>,
        leased: bool,
    ) -> sqlx::Result<Claim> {
        let fiche = &delivery.body.fiche_id;
        let Look { row, summary, .. } = store::fiche::look(conn, fiche, Duration::ZERO).await?;
        let decision = self.decide(row.as_ref(), delivery);
        Ok(Claim {
            seen: row.map(|row| row.version),
            summary,
            decision,
            leased,
        })
    }

    fn decide(&self, row: Option<&CachedFiche>, delivery: &Delivery<FicheFetch>) -> FetchDecision {
        let force = delivery.body.force_refresh.unwrap_or(false);
        for_fetch(row, force, self.state.lifetimes.cooldown)
    }

    /// Lets the next command ask at once; readers who waited are told. A lease that stays costs a minute
    /// at most.
    async fn release(&self, delivery: &Delivery<FicheFetch>, error: &CrmError) {
        let failed = Failed {
            kind: FailedKind::Crm,
            message: error.to_string(),
        };
        let released = async {
            let mut conn = self.state.db.acquire().await?;
            let fiche = &delivery.body.fiche_id;
            store::lease::fail(&mut conn, fiche, delivery.id.as_str(), &failed).await
        };
        if let Err(error) = released.await {
            tracing::warn!(fiche.id = %delivery.body.fiche_id, %error, "lease left to expire");
        }
    }

    async fn ask(
        &self,
        fiche: &FicheId,
        reason: FetchReason,
        seen: Option<i64>,
    ) -> Result<Found, CrmError> {
        let crm = self.state.crm.within(BUDGET);
        let began = Instant::now();
        let asked = crm.fiche(fiche.as_str(), FicheOptions::default()).await;
        let failed = |kind, error: String| Ok(Found::Failed { kind, error });
        match asked {
            Ok(details) => match NewDetails::of(fiche.clone(), details) {
                Ok(new) => Ok(Found::Details {
                    new: Box::new(new),
                    took: began.elapsed(),
                    seen,
                }),
                Err(error @ (DetailsError::NoInformation | DetailsError::Encode(_))) => {
                    failed(FetchFailure::Invalid, error.to_string())
                }
            },
            Err(CrmError::NotFound { .. }) => Ok(Found::Absent(reason)),
            Err(error @ CrmError::Auth { .. }) => {
                failed(FetchFailure::Auth, error.worker_message())
            }
            Err(error @ CrmError::InvalidResponse { .. }) => {
                failed(FetchFailure::Invalid, error.worker_message())
            }
            Err(error) if error.is_transient() => Err(error),
            Err(error) => failed(FetchFailure::Upstream, error.worker_message()),
        }
    }
}

struct Claim {
    /// The version that was looked at.
    seen: Option<i64>,
    summary: Option<Summary>,
    decision: FetchDecision,
    /// Whether others wait for this command's end.
    leased: bool,
}

impl Worker<FicheFetch> for Fetch {
    type Output = Found;

    async fn work(&self, delivery: &Delivery<FicheFetch>) -> Result<Found, Failure> {
        let Claim {
            seen,
            summary,
            decision,
            leased,
        } = self.claim(delivery).await?;
        let reason = match decision {
            FetchDecision::UseCache => {
                metrics::counter!("fiche.fetches", "reason" => "cache_valid_full_details")
                    .increment(1);
                let summary = Box::new(summary.ok_or(sqlx::Error::RowNotFound)?);
                return Ok(Found::Cached { summary, leased });
            }
            FetchDecision::Absent => {
                metrics::counter!("fiche.fetches", "reason" => "cache_not_found_marker")
                    .increment(1);
                return Ok(Found::MarkedAbsent { leased });
            }
            FetchDecision::Fetch(reason) => reason,
        };
        metrics::counter!("fiche.fetches", "reason" => reason.as_str()).increment(1);
        match self.ask(&delivery.body.fiche_id, reason, seen).await {
            Ok(found) => Ok(found),
            Err(error) => {
                self.release(delivery, &error).await;
                Err(match error.retry_after() {
                    Some(after) => Failure::retry_after(error, after),
                    None => Failure::retry(error),
                })
            }
        }
    }

    async fn store(
        &self,
        tx: &mut PgConnection,
        delivery: &Delivery<FicheFetch>,
        found: Found,
    ) -> Result<(), Failure> {
        let fiche = &delivery.body.fiche_id;
        let holder = delivery.id.as_str();
        match &found {
            // What is only read needs no lock: the fact carries the version that was read.
            Found::Cached { leased, .. } | Found::MarkedAbsent { leased } => {
                if *leased {
                    store::lease::release(tx, fiche, holder).await?;
                }
            }
            Found::Absent(_) | Found::Details { .. } | Found::Failed { .. } => {
                store::lease::settle(tx, fiche, holder).await?;
            }
        }
        match found {
            Found::Cached { summary, .. } => fetched(tx, delivery, *summary, true, None).await,
            Found::MarkedAbsent { .. } => not_found(tx, delivery).await,
            Found::Absent(reason) => {
                // Only the CRM's own ids are worth a row: anything may be asked for.
                let marked = !fiche.is_numeric()
                    || store::marker::note(tx, fiche, self.state.lifetimes.not_found).await?;
                tracing::info!(fiche.id = %fiche, reason = reason.as_str(), marked, "the CRM does not know it");
                if marked {
                    not_found(tx, delivery).await
                } else {
                    let summary = stored(tx, fiche).await?;
                    fetched(tx, delivery, summary, true, None).await
                }
            }
            Found::Details { new, took, seen } => {
                let row = store::fiche::find(tx, fiche).await?;
                let overtaken = row.is_some_and(|row| {
                    row.is_full() && Some(row.version) != seen && row.is_younger_than(took)
                });
                let summary = if overtaken {
                    stored(tx, fiche).await?
                } else {
                    let life = self.state.lifetimes.details;
                    store::details::write(tx, &new, life, &self.state.vault).await?
                };
                fetched(tx, delivery, summary, overtaken, Some(took)).await
            }
            Found::Failed { kind, error } => failed(tx, delivery, kind, error).await,
        }
    }

    async fn parked(
        &self,
        tx: &mut PgConnection,
        delivery: &Delivery<FicheFetch>,
        reason: &str,
    ) -> Result<(), Failure> {
        store::lease::release(tx, &delivery.body.fiche_id, delivery.id.as_str()).await?;
        failed(tx, delivery, FetchFailure::Upstream, reason.to_owned()).await
    }
}

async fn stored(tx: &mut PgConnection, fiche: &FicheId) -> sqlx::Result<Summary> {
    let summary = store::fiche::summary(tx, fiche).await?;
    summary.ok_or(sqlx::Error::RowNotFound)
}

async fn fetched(
    tx: &mut PgConnection,
    delivery: &Delivery<FicheFetch>,
    summary: Summary,
    cached: bool,
    took: Option<Duration>,
) -> Result<(), Failure> {
    let answer = Answer {
        cached,
        fetch_duration_ms: took.and_then(|took| i64::try_from(took.as_millis()).ok()),
        request_id: delivery.id.to_string(),
        automation_run_id: delivery.body.automation_run_id,
    };
    outbox::send(tx, &summary.fetched(answer).message()).await?;
    Ok(())
}

async fn not_found(tx: &mut PgConnection, delivery: &Delivery<FicheFetch>) -> Result<(), Failure> {
    let error = format!("Fiche {} not found", delivery.body.fiche_id);
    failed(tx, delivery, FetchFailure::NotFound, error).await
}

async fn failed(
    tx: &mut PgConnection,
    delivery: &Delivery<FicheFetch>,
    kind: FetchFailure,
    error: String,
) -> Result<(), Failure> {
    tracing::warn!(fiche.id = %delivery.body.fiche_id, ?kind, "fetch ended without a fiche");
    let fact = FicheFetchFailed {
        fiche_id: delivery.body.fiche_id.clone(),
        request_id: delivery.id.to_string(),
        kind,
        error,
        attempts: delivery.delivery,
        automation_run_id: delivery.body.automation_run_id,
    };
    outbox::send(tx, &fact.message()).await?;
    Ok(())
}
