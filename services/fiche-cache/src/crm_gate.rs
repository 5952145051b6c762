//! Turns at the CRM that all replicas share, and the circuit breaker before it (fiches.md W7, W10).
//!
//! Who calls holds a slot in Postgres; slots and leases of a dead replica come free by themselves. Who
//! waits is woken by a notification of the database, and looks again by itself when none comes.

use crate::domain::circuit::CircuitState;
use crate::domain::flights::Bell;
use crate::store;
use sqlx::postgres::PgListener;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use vigie_bus::{Db, OutboxError, outbox};
use vigie_events::ops::{CircuitState as Told, ProviderCircuit};
use vigie_upstream::crm::{CrmGate, GateFuture, Pass, Refused, Sign, Turn};

/// A slot is held so long without renewal.
const LIFE: Duration = Duration::from_secs(20);
const RENEW_EVERY: Duration = Duration::from_secs(5);
/// Who waits looks again after this, told or not: a lease may have ended.
const LOOK: Duration = Duration::from_secs(2);
/// How long the answer to a probe is waited for.
const PROBE: Duration = Duration::from_secs(30);
const PROVIDER: &str = "crm";

/// The gate of this replica.
#[derive(Debug)]
pub struct SharedGate {
    db: Db,
    bell: Bell,
    holder: String,
    fiches: i32,
    sales: i32,
    returned: UnboundedSender<Slot>,
    returns: Mutex<Option<UnboundedReceiver<Slot>>>,
}

#[derive(Debug, Clone, Copy)]
struct Slot {
    kind: &'static str,
    slot: i32,
}

/// A slot in use.
struct Held {
    slot: Slot,
    returned: UnboundedSender<Slot>,
}

impl Drop for Held {
    fn drop(&mut self) {
        // Nobody receives when the service stops; then the lease ends by itself.
        let _ = self.returned.send(self.slot);
    }
}

impl SharedGate {
    /// A gate with these caps, which all replicas have to agree on.
    pub fn new(db: Db, bell: Bell, fiches: usize, sales: usize) -> Self {
        let (returned, returns) = unbounded_channel();
        let slots = |cap| i32::try_from(cap).unwrap_or(i32::MAX).max(1);
        Self {
            db,
            bell,
            holder: uuid::Uuid::new_v4().to_string(),
            fiches: slots(fiches),
            sales: slots(sales),
            returned,
            returns: Mutex::new(Some(returns)),
        }
    }

    /// Makes the slots. To be called before the first call to the CRM.
    pub async fn prepare(&self) -> sqlx::Result<()> {
        let mut conn = self.db.acquire().await?;
        for (kind, slots) in [(Turn::Fiche, self.fiches), (Turn::Sales, self.sales)] {
            store::crm::prepare(&mut conn, kind.name(), slots).await?;
        }
        Ok(())
    }

    /// Gives slots back, keeps those in use, and wakes who waits, until `stop`.
    pub async fn run(&self, pool: sqlx::PgPool, stop: CancellationToken) -> anyhow::Result<()> {
        let returns = {
            let mut returns = self.returns.lock().unwrap_or_else(PoisonError::into_inner);
            returns.take()
        };
        let mut returns = returns.ok_or_else(|| anyhow::anyhow!("the gate runs already"))?;
        let mut listener = PgListener::connect_with(&pool).await?;
        listener.listen("fiche_turns").await?;
        let mut renewals = tokio::time::interval(RENEW_EVERY);
        loop {
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                heard = listener.recv() => match heard {
                    Ok(told) => self.bell.ring(told.payload()),
                    // It connects again; who waits looks by itself meanwhile.
                    Err(error) => tracing::warn!(%error, "notifications of turns were missed"),
                },
                Some(slot) = returns.recv() => {
                    if let Err(error) = self.give_back(slot).await {
                        tracing::warn!(%error, kind = slot.kind, "slot left to expire");
                    }
                }
                _ = renewals.tick() => {
                    if let Err(error) = self.renew().await {
                        tracing::warn!(%error, "slots not renewed");
                    }
                }
            }
        }
    }

    async fn renew(&self) -> sqlx::Result<()> {
        let mut conn = self.db.acquire().await?;
        store::crm::renew(&mut conn, &self.holder, LIFE).await?;
        Ok(())
    }

    async fn give_back(&self, slot: Slot) -> sqlx::Result<()> {
        let mut conn = self.db.acquire().await?;
        store::crm::release(&mut conn, slot.kind, slot.slot, &self.holder).await
    }

    const fn slots(&self, turn: Turn) -> Option<i32> {
        match turn {
            Turn::Fiche => Some(self.fiches),
            Turn::Sales => Some(self.sales),
            Turn::Directory => None,
        }
    }

    /// Waits for a slot.
    async fn slot(&self, turn: Turn, until: Instant) -> Result<Pass, GateError> {
        let Some(slots) = self.slots(turn) else {
            return Ok(Box::new(()));
        };
        let mut bell = self.bell.listen();
        let (kind, room) = (turn.name(), format!("crm:{}", turn.name()));
        loop {
            let mut conn = self.db.acquire().await?;
            let taken = store::crm::take(&mut conn, kind, slots, &self.holder, LIFE).await?;
            drop(conn);
            if let Some(slot) = taken {
                return Ok(Box::new(Held {
                    slot: Slot { kind, slot },
                    returned: self.returned.clone(),
                }));
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(GateError::Refused(Refused::NoTurn));
            }
            bell.heard(&room, left.min(LOOK)).await;
        }
    }

    /// Whether the breaker lets a call through. The one probe is counted by all replicas.
    async fn judge(&self) -> Result<(), GateError> {
        let mut conn = self.db.acquire().await?;
        let seen = store::crm::circuit(&mut conn).await?;
        if seen.circuit.state == CircuitState::Closed {
            return Ok(());
        }
        let refused = GateError::Refused(match seen.circuit.auth_status {
            Some(status) => Refused::Auth(u16::try_from(status).unwrap_or(401)),
            None => Refused::Failing(
                Duration::try_from_secs_f64(seen.wait.unwrap_or(1.0))
                    .unwrap_or_default()
                    .max(Duration::from_secs(1)),
            ),
        });
        if seen.wait.is_some_and(|wait| wait > 0.0) {
            return Err(refused);
        }
        drop(conn);
        let mut tx = self.db.begin().await?;
        if !store::crm::probe(&mut tx, PROBE).await? {
            return Err(refused);
        }
        if seen.circuit.state == CircuitState::Open {
            tell(&mut tx, Told::HalfOpen, "probe").await?;
        }
        tx.commit().await?;
        Ok(())
    }

    async fn record(&self, sign: Sign) -> Result<(), GateError> {
        let mut conn = self.db.acquire().await?;
        let seen = store::crm::circuit(&mut conn).await?;
        if seen.circuit.after(sign).is_none() {
            return Ok(());
        }
        drop(conn);
        let mut tx = self.db.begin().await?;
        let circuit = store::crm::lock(&mut tx).await?;
        let Some(change) = circuit.after(sign) else {
            return Ok(());
        };
        store::crm::apply(&mut tx, &change).await?;
        if let Some(cause) = change.cause {
            let state = match change.circuit.state {
                CircuitState::Closed => Told::Closed,
                CircuitState::Open => Told::Open,
                CircuitState::HalfOpen => Told::HalfOpen,
            };
            tell(&mut tx, state, cause).await?;
        }
        tx.commit().await?;
        Ok(())
    }
}

async fn tell(
    conn: &mut sqlx::PgConnection,
    state: Told,
    cause: &'static str,
) -> Result<(), GateError> {
    let now = store::clock::now(&mut *conn).await?;
    let fact = ProviderCircuit {
        provider: PROVIDER.to_owned(),
        state,
        cause: cause.to_owned(),
    };
    metrics::counter!("upstream.circuit", "provider" => PROVIDER, "cause" => cause).increment(1);
    tracing::warn!(
        provider = PROVIDER,
        ?state,
        cause,
        "circuit breaker changed"
    );
    outbox::send(conn, &fact.message(now.timestamp_millis())).await?;
    Ok(())
}

#[derive(Debug, thiserror::Error)]
enum GateError {
    #[error("the call is refused")]
    Refused(Refused),
    #[error(transparent)]
    Store(#[from] sqlx::Error),
    #[error(transparent)]
    Outbox(#[from] OutboxError),
}

impl CrmGate for SharedGate {
    fn enter(
        &self,
        turn: Turn,
        judged: bool,
        within: Duration,
    ) -> GateFuture<'_, Result<Pass, Refused>> {
        Box::pin(async move {
            let until = Instant::now() + within;
            let entered = async {
                let pass = self.slot(turn, until).await?;
                // After the wait: what happened meanwhile counts.
                if judged {
                    self.judge().await?;
                }
                Ok(pass)
            };
            entered.await.map_err(|error| match error {
                GateError::Refused(refused) => refused,
                GateError::Store(_) | GateError::Outbox(_) => {
                    tracing::error!(%error, "turns at the CRM cannot be taken");
                    Refused::NoTurn
                }
            })
        })
    }

    fn note(&self, sign: Sign) -> GateFuture<'_, ()> {
        Box::pin(async move {
            if let Err(error) = self.record(sign).await {
                tracing::warn!(%error, "health of the CRM not noted");
            }
        })
    }
}
