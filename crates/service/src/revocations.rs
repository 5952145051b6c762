//! How this replica hears which tokens were taken back: facts on the bus and, where they may not
//! have come through, auth itself.

use crate::grpc::InternalChannel;
use chrono::{DateTime, TimeDelta, Utc};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use vigie_bus::{Bus, BusError, FactFeed};
use vigie_contracts::auth::v1::PrincipalChangesRequest;
use vigie_contracts::auth::v1::trust_service_client::TrustServiceClient;
use vigie_events::auth::{PrincipalChange, PrincipalChanged};
use vigie_identity::{Clock, Revocations};

/// After this silence it is asked whether nothing was missed. With the answer's deadline a change
/// takes less than a minute to arrive, whatever is broken.
const SILENCE: Duration = Duration::from_secs(30);
/// Longest wait for auth's answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between two questions, and two tries to open a feed, while nobody answers.
const PAUSE: Duration = Duration::from_secs(3);
/// Clocks differ, and what commits late has an earlier time.
const OVERLAP: TimeDelta = TimeDelta::minutes(1);
/// Older news than this may have missed something.
const STALE: Duration = Duration::from_mins(1);

/// When it was last certain that nothing had been missed.
#[derive(Debug, Default)]
pub(crate) struct FeedAge(Mutex<Option<Instant>>);

impl FeedAge {
    fn fresh(&self) {
        let mut at = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *at = Some(Instant::now());
    }

    fn get(&self) -> Option<Duration> {
        let at = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        at.map(|at| at.elapsed())
    }

    /// For `/ready`: whether revocations are known, as of a minute ago at most.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        let age = self.get();
        if let Some(age) = age {
            metrics::gauge!("identity_revocations_age_seconds").set(age.as_secs_f64());
        }
        match age {
            Some(age) if age <= STALE => Ok(()),
            Some(age) => anyhow::bail!("nothing heard for {} s", age.as_secs()),
            None => anyhow::bail!("nothing heard yet"),
        }
    }
}

/// Keeps [`Revocations`] filled.
pub(crate) struct Follower {
    pub(crate) bus: Bus,
    pub(crate) revocations: Arc<Revocations>,
    pub(crate) clock: Clock,
    pub(crate) age: Arc<FeedAge>,
    /// Auth; auth itself has none to ask.
    pub(crate) auth: Option<InternalChannel>,
}

impl Follower {
    /// Listens until `stop`. Neither the broker nor auth has to be there.
    pub(crate) async fn run(mut self, stop: CancellationToken) -> anyhow::Result<()> {
        stop.run_until_cancelled(self.follow()).await;
        Ok(())
    }

    async fn follow(&mut self) {
        // Everything before this is known.
        let mut known_until = self.clock.now() - Revocations::horizon();
        loop {
            let from = known_until - OVERLAP;
            match self.bus.facts::<PrincipalChanged>(from).await {
                Ok(feed) => self.listen(feed, &mut known_until).await,
                Err(error) => {
                    tracing::warn!(%error, "revocations cannot be followed");
                    if self.age.get().is_none_or(|age| age >= SILENCE) {
                        self.ask(&mut known_until).await;
                    }
                }
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Reads one feed to its end.
    async fn listen(&self, mut feed: FactFeed<PrincipalChanged>, known_until: &mut DateTime<Utc>) {
        if let Err(BusError::Incarnation) = self.reassure(&mut feed, known_until).await {
            return;
        }
        loop {
            let age = self.age.get().unwrap_or(SILENCE);
            let patience = SILENCE.saturating_sub(age).max(PAUSE);
            match tokio::time::timeout(patience, feed.next()).await {
                Ok(Some(change)) => {
                    self.revocations.note(&change);
                    // The last of a backlog says that it is the last one.
                    if feed.caught_up() {
                        self.fresh(known_until);
                    }
                }
                Ok(None) => return,
                Err(_silence) => {
                    if let Err(BusError::Incarnation) = self.reassure(&mut feed, known_until).await
                    {
                        tracing::warn!("the stream of facts was created anew");
                        return;
                    }
                }
            }
        }
    }

    /// Finds out whether something was missed: from auth, who knows; else from the broker, whose
    /// stream at least holds nothing that was not read.
    async fn reassure(
        &self,
        feed: &mut FactFeed<PrincipalChanged>,
        known_until: &mut DateTime<Utc>,
    ) -> Result<(), BusError> {
        let asked = self.ask(known_until).await;
        match feed.is_current().await {
            Ok(true) if !asked => self.fresh(known_until),
            Ok(_) => {}
            Err(error) => {
                tracing::debug!(%error, "feed of revocations");
                return Err(error);
            }
        }
        Ok(())
    }

    /// Asks auth for what changed since it was last certain; whether it answered.
    async fn ask(&self, known_until: &mut DateTime<Utc>) -> bool {
        let Some(channel) = self.auth.clone() else {
            return false;
        };
        let mut request = tonic::Request::new(PrincipalChangesRequest {
            since_ms: known_until.timestamp_millis(),
        });
        request.set_timeout(PATIENCE);
        let asked_at = self.clock.now();
        let answer = TrustServiceClient::new(channel)
            .max_decoding_message_size(crate::grpc::MAX_MESSAGE_BYTES)
            .principal_changes(request)
            .await;
        let changes = match answer {
            Ok(answer) => answer.into_inner().changes,
            Err(status) => {
                metrics::counter!("identity_revocations_unanswered_total").increment(1);
                tracing::warn!(code = %status.code(), "auth does not say which tokens ended");
                return false;
            }
        };
        for change in changes {
            if let Some(change) = read(change) {
                self.revocations.note(&change);
            } else {
                tracing::warn!("a change of an unreadable user id was skipped");
            }
        }
        *known_until = asked_at;
        self.age.fresh();
        true
    }

    fn fresh(&self, known_until: &mut DateTime<Utc>) {
        *known_until = self.clock.now();
        self.age.fresh();
    }
}

fn read(change: vigie_contracts::auth::v1::PrincipalChange) -> Option<PrincipalChanged> {
    Some(PrincipalChanged {
        user_id: change.user_id.parse().ok()?,
        version: change.version,
        sid: change.sid,
        // Only told to people, who read it where it was written.
        reason: reason(&change.reason),
    })
}

fn reason(text: &str) -> PrincipalChange {
    match text {
        "disabled" => PrincipalChange::Disabled,
        "password" => PrincipalChange::Password,
        "teams" => PrincipalChange::Teams,
        "logout" => PrincipalChange::Logout,
        "reuse" => PrincipalChange::Reuse,
        _ => PrincipalChange::Roles,
    }
}
