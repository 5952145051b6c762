//! A fiche with all its sections, from the cache or the CRM (fiches.md 3.4).

use super::error::ReadError;
use crate::app::AppState;
use crate::domain::cached::CachedFiche;
use crate::domain::decision::{COALESCE, ReadDecision, Wish, for_read};
use crate::domain::details::{DetailsError, NewDetails};
use crate::domain::payload::{Parts, Shown, assemble};
use crate::store;
use crate::store::fiche::Look;
use crate::store::lease::Failed;
use std::time::{Duration, Instant};
use vigie_bus::outbox;
use vigie_contracts::fiche::v1 as pb;
use vigie_contracts::fiche::v1::CacheState;
use vigie_events::ids::{FicheCacheId, FicheId};
use vigie_identity::FicheScope;
use vigie_upstream::crm::FicheOptions;

/// Below the longest call of a server, so that the caller hears why.
const BUDGET: Duration = Duration::from_secs(110);

/// How long a fetch keeps others from asking about the same fiche.
const LEASE: Duration = Duration::from_secs(60);
/// How long a reader waits for somebody else's fetch.
const PATIENCE: Duration = Duration::from_secs(50);
/// Who waits looks again after this, told or not: a lease may have ended.
const LOOK: Duration = Duration::from_secs(2);
/// A failure older than this is not shared.
const SHARED: Duration = COALESCE;

/// What the caller may see.
pub(super) struct Reader {
    /// The fiche has to be in each of them.
    pub(super) scopes: Vec<FicheScope>,
    /// Whether addresses of recordings are shown.
    pub(super) recording_urls: bool,
}

impl Reader {
    fn may_see(&self, groupe: Option<&str>, attribution: Option<&str>) -> Result<(), ReadError> {
        let allowed = |scope: &FicheScope| scope.allows(groupe, attribution);
        if self.scopes.iter().all(allowed) {
            Ok(())
        } else {
            Err(ReadError::Forbidden)
        }
    }
}

/// Answers from the cache where it can; scope is decided before the CRM is asked where the cache knows
/// whose the fiche is.
#[tracing::instrument(name = "rpc.fiche.get", skip_all, fields(fiche.id = request.fiche_id), err(level = "debug"))]
pub(super) async fn get_fiche(
    state: &AppState,
    reader: &Reader,
    request: &pb::GetFicheRequest,
) -> Result<pb::GetFicheResponse, ReadError> {
    let absent = || ReadError::NotFound(format!("Fiche {} not found", request.fiche_id));
    let fiche: FicheId = request.fiche_id.parse().map_err(|_| absent())?;
    if !fiche.is_numeric() {
        return Err(absent());
    }
    let read = Read {
        state,
        reader,
        wish: Wish {
            refresh: request.refresh,
            mail_devis: request.include_mail_devis,
        },
        fiche,
    };
    // A fetch that fails from now on has failed for this reader too.
    let since = Instant::now();
    let (row, decision) = read.decide().await?;
    let decided = match decision {
        ReadDecision::Fetch { .. } => {
            // Who waited here finds what the one before has fetched.
            let turn = state.flights.enter(&read.fiche).await;
            match read.claim(since, turn.waited).await? {
                Turn::Fetch {
                    row,
                    fallback,
                    holder,
                } => return read.fetch(row, fallback, &holder).await,
                Turn::Failed {
                    row,
                    fallback,
                    failed,
                } => {
                    let failed = ReadError::Shared(failed);
                    return read.fall_back(failed, row, fallback).await;
                }
                Turn::Settled(row, settled) => (row, settled),
            }
        }
        settled => (row, settled),
    };
    match decided {
        (Some(row), ReadDecision::Serve) => read.stored(row.id, CacheState::Hit).await,
        _ => Err(absent()),
    }
}

/// What came of waiting for a turn.
enum Turn {
    /// The CRM is to be asked.
    Fetch {
        row: Option<CachedFiche>,
        fallback: bool,
        holder: String,
    },
    /// Somebody has asked it meanwhile, in vain.
    Failed {
        row: Option<CachedFiche>,
        fallback: bool,
        failed: Failed,
    },
    /// Somebody has asked it meanwhile.
    Settled(Option<CachedFiche>, ReadDecision),
}

struct Read<'a> {
    state: &'a AppState,
    reader: &'a Reader,
    wish: Wish,
    fiche: FicheId,
}

impl Read<'_> {
    async fn decide(&self) -> Result<(Option<CachedFiche>, ReadDecision), ReadError> {
        let (row, decision, _) = self.look(Duration::ZERO).await?;
        Ok((row, decision))
    }

    /// Decides, and says whose fetch has failed meanwhile.
    async fn look(
        &self,
        failed_within: Duration,
    ) -> Result<(Option<CachedFiche>, ReadDecision, Option<Failed>), ReadError> {
        let mut conn = self.state.db.acquire().await?;
        let Look { row, failed, .. } =
            store::fiche::look(&mut conn, &self.fiche, failed_within).await?;
        if let Some(row) = row.as_ref().filter(|row| row.is_full() || row.has_owner()) {
            let attribution = row.attribution_user_id.as_deref();
            self.reader.may_see(row.groupe.as_deref(), attribution)?;
        }
        let decision = for_read(row.as_ref(), self.wish);
        Ok((row, decision, failed))
    }

    /// Takes the fiche, over all replicas, unless waiting for it has made that needless. After `PATIENCE`
    /// the CRM is asked all the same: writing is settled by the fiche's lock. A fetch that failed while
    /// it was waited for has failed for all who waited `since` then.
    async fn claim(&self, since: Instant, mut waited: bool) -> Result<Turn, ReadError> {
        let holder = format!("reader-{}", uuid::Uuid::new_v4());
        let mut bell = self.state.flights.bell().listen();
        let room = format!("fiche:{}", self.fiche);
        let until = Instant::now() + PATIENCE;
        loop {
            // Who did not wait has just looked.
            if waited {
                let (row, decision) = self.decide().await?;
                if !matches!(decision, ReadDecision::Fetch { .. }) {
                    return Ok(Turn::Settled(row, decision));
                }
            }
            let mut conn = self.state.db.acquire().await?;
            let mine = store::lease::claim(&mut conn, &self.fiche, &holder, LEASE).await?;
            drop(conn);
            if mine || Instant::now() >= until {
                return self.taken(since, holder).await;
            }
            bell.heard(&room, LOOK).await;
            waited = true;
        }
    }

    /// Between the look and the claim somebody may have ended, well or in vain; it may have failed before
    /// this reader's turn came, and after it had come.
    async fn taken(&self, since: Instant, holder: String) -> Result<Turn, ReadError> {
        let within = since.elapsed().min(SHARED);
        let looked = self.look(within).await;
        match looked {
            Ok((row, ReadDecision::Fetch { fallback }, None)) => Ok(Turn::Fetch {
                row,
                fallback,
                holder,
            }),
            Ok((row, ReadDecision::Fetch { fallback }, Some(failed))) => {
                self.release(&holder, None).await;
                Ok(Turn::Failed {
                    row,
                    fallback,
                    failed,
                })
            }
            Ok((row, decision, _)) => {
                self.release(&holder, None).await;
                Ok(Turn::Settled(row, decision))
            }
            Err(error) => {
                self.release(&holder, None).await;
                Err(error)
            }
        }
    }

    /// Lets the next one ask. A lease that stays costs a minute at most.
    async fn release(&self, holder: &str, failed: Option<Failed>) {
        let released = async {
            let mut conn = self.state.db.acquire().await?;
            match failed {
                Some(failed) => store::lease::fail(&mut conn, &self.fiche, holder, &failed).await,
                None => store::lease::release(&mut conn, &self.fiche, holder).await,
            }
        };
        if let Err(error) = released.await {
            tracing::warn!(fiche.id = %self.fiche, %error, "lease left to expire");
        }
    }

    async fn fetch(
        &self,
        row: Option<CachedFiche>,
        fallback: bool,
        holder: &str,
    ) -> Result<pb::GetFicheResponse, ReadError> {
        match self.ask().await {
            Ok(new) => self.keep(new, holder).await,
            Err(error) => {
                let failed = error.shared();
                let answer = self.fall_back(error, row, fallback).await;
                self.release(holder, failed).await;
                answer
            }
        }
    }

    /// What the cache has, where it may answer instead of the CRM.
    async fn fall_back(
        &self,
        error: ReadError,
        row: Option<CachedFiche>,
        fallback: bool,
    ) -> Result<pb::GetFicheResponse, ReadError> {
        match row {
            Some(row) if fallback && error.is_crm() => {
                tracing::warn!(fiche.id = %self.fiche, %error, "serving what is cached");
                self.stored(row.id, CacheState::Stale).await
            }
            _ => Err(error),
        }
    }

    async fn ask(&self) -> Result<NewDetails, ReadError> {
        let options = FicheOptions {
            include_recordings: true,
            include_mail_devis: self.wish.mail_devis,
        };
        let crm = self.state.crm.within(BUDGET);
        let details = crm.fiche(self.fiche.as_str(), options).await?;
        let new = NewDetails::of(self.fiche.clone(), details).map_err(|error| match error {
            DetailsError::NoInformation => ReadError::NO_INFORMATION,
            DetailsError::Encode(error) => ReadError::Inconsistent(error.to_string()),
        })?;
        // Before it is stored: who may not see a fiche must not make the cache change either.
        let attribution = new.attribution_user_id.as_deref();
        self.reader.may_see(new.groupe.as_deref(), attribution)?;
        Ok(new)
    }

    /// Stores what was fetched, for those who wait too; what is not stored ends their wait all the same.
    async fn keep(&self, new: NewDetails, holder: &str) -> Result<pb::GetFicheResponse, ReadError> {
        let error = match self.write(&new, holder).await {
            Ok(id) => return self.stored(id, CacheState::Miss).await,
            Err(error) => error,
        };
        self.release(holder, None).await;
        if self.wish.refresh {
            return Err(error);
        }
        metrics::counter!("fiche.unstored").increment(1);
        tracing::error!(fiche.id = %self.fiche, %error, "fetched, but not stored");
        Ok(self.answer(Parts::from(&new), CacheState::Unstored))
    }

    async fn write(&self, new: &NewDetails, holder: &str) -> Result<FicheCacheId, ReadError> {
        let mut tx = self.state.db.begin().await?;
        store::lease::settle(&mut tx, &self.fiche, holder).await?;
        let summary = store::details::write(
            &mut tx,
            new,
            self.state.lifetimes.details,
            &self.state.vault,
        )
        .await?;
        let id = summary.id;
        outbox::send(&mut tx, &summary.updated().message()).await?;
        tx.commit().await?;
        Ok(id)
    }

    async fn stored(
        &self,
        id: FicheCacheId,
        cache: CacheState,
    ) -> Result<pb::GetFicheResponse, ReadError> {
        let mut conn = self.state.db.acquire().await?;
        let parts = store::details::read(&mut conn, id, &self.state.vault).await?;
        let gone = || ReadError::Inconsistent(format!("fiche {} has no details", self.fiche));
        Ok(self.answer(parts.ok_or_else(gone)?, cache))
    }

    fn answer(&self, parts: Parts, cache: CacheState) -> pb::GetFicheResponse {
        let shown = Shown {
            mail_devis: self.wish.mail_devis,
            recording_urls: self.reader.recording_urls,
        };
        pb::GetFicheResponse {
            payload_json: assemble(&self.fiche, parts, shown).to_string(),
            cache: cache.into(),
        }
    }
}
