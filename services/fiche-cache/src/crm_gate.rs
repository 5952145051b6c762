//! Turns at the CRM that all replicas share, and the circuit breaker before it (fiches.md W7, W10).
//!
//! Who calls holds a slot in Postgres; slots and leases of a dead replica come free by themselves. Who
//! waits is woken by a notification of the database, and looks again by itself when none comes.

use crate::domain::circuit::{Circuit, CircuitState};
use crate::domain::flights::Bell;
use crate::store;
use crate::store::crm::Seen;
use sqlx::postgres::PgListener;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
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
    /// This replica, before the number of a turn: no turn is ever taken for another.
    replica: String,
    turns: AtomicU64,
    fiches: Kind,
    sales: Kind,
    returned: UnboundedSender<Slot>,
    returns: Mutex<Option<UnboundedReceiver<Slot>>>,
}

/// The slots of one kind.
#[derive(Debug)]
struct Kind {
    slots: i32,
    /// Wakes one who waits: one slot was freed.
    freed: Notify,
}

impl Kind {
    fn new(slots: usize) -> Self {
        Self {
            slots: i32::try_from(slots).unwrap_or(i32::MAX).max(1),
            freed: Notify::new(),
        }
    }
}

/// Who may hold a slot of a kind.
#[derive(Debug, Clone)]
struct Slot {
    kind: &'static str,
    holder: String,
}

/// A slot that is wanted or in use; once it was given back, nothing.
struct Held {
    slot: Option<Slot>,
    returned: UnboundedSender<Slot>,
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(slot) = self.slot.take() {
            // Nobody receives when the service stops; then the lease ends by itself.
            let _ = self.returned.send(slot);
        }
    }
}

impl SharedGate {
    /// A gate with these caps, which all replicas have to agree on.
    pub fn new(db: Db, bell: Bell, fiches: usize, sales: usize) -> Self {
        let (returned, returns) = unbounded_channel();
        Self {
            db,
            bell,
            replica: uuid::Uuid::new_v4().to_string(),
            turns: AtomicU64::new(0),
            fiches: Kind::new(fiches),
            sales: Kind::new(sales),
            returned,
            returns: Mutex::new(Some(returns)),
        }
    }

    /// Makes the slots. To be called before the first call to the CRM.
    pub async fn prepare(&self) -> sqlx::Result<()> {
        let mut conn = self.db.acquire().await?;
        for (turn, kind) in [(Turn::Fiche, &self.fiches), (Turn::Sales, &self.sales)] {
            store::crm::prepare(&mut conn, turn.name(), kind.slots).await?;
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
                    Ok(told) => self.told(told.payload()),
                    // It connects again; who waits looks by itself meanwhile.
                    Err(error) => tracing::warn!(%error, "notifications of turns were missed"),
                },
                Some(slot) = returns.recv() => {
                    if let Err(error) = self.give_back(&slot).await {
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

    /// A slot is for one who waits, a fiche for all.
    fn told(&self, what: &str) {
        match what.strip_prefix("crm:") {
            None => self.bell.ring(what),
            Some(kind) if kind == Turn::Fiche.name() => self.fiches.freed.notify_one(),
            Some(kind) if kind == Turn::Sales.name() => self.sales.freed.notify_one(),
            Some(_) => {}
        }
    }

    async fn renew(&self) -> sqlx::Result<()> {
        let mut conn = self.db.acquire().await?;
        store::crm::renew(&mut conn, &self.replica, LIFE).await?;
        Ok(())
    }

    async fn give_back(&self, slot: &Slot) -> sqlx::Result<Circuit> {
        let mut conn = self.db.acquire().await?;
        store::crm::leave(&mut conn, slot.kind, &slot.holder).await
    }

    const fn kind(&self, turn: Turn) -> Option<&Kind> {
        match turn {
            Turn::Fiche => Some(&self.fiches),
            Turn::Sales => Some(&self.sales),
            Turn::Directory => None,
        }
    }

    /// Waits for a slot, and sees the breaker as it is then.
    async fn slot(&self, turn: Turn, until: Instant) -> Result<(Pass, Seen), GateError> {
        let Some(kind) = self.kind(turn) else {
            let mut conn = self.db.acquire().await?;
            return Ok((Box::new(()), store::crm::circuit(&mut conn).await?));
        };
        let number = self.turns.fetch_add(1, Ordering::Relaxed);
        let slot = Slot {
            kind: turn.name(),
            holder: format!("{}/{number}", self.replica),
        };
        // Before it is taken: whoever gives up meanwhile leaves nothing behind.
        let held = Held {
            slot: Some(slot.clone()),
            returned: self.returned.clone(),
        };
        loop {
            let mut conn = self.db.acquire().await?;
            let entered =
                store::crm::enter(&mut conn, slot.kind, kind.slots, &slot.holder, LIFE).await?;
            drop(conn);
            if entered.taken {
                return Ok((Box::new(held), entered.seen));
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(GateError::Refused(Refused::NoTurn));
            }
            // Time is as good a reason to look again.
            let _ = tokio::time::timeout(left.min(LOOK), kind.freed.notified()).await;
        }
    }

    /// Whether the breaker lets a call through. The one probe is counted by all replicas.
    async fn judge(&self, seen: Seen) -> Result<(), GateError> {
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

    /// Gives back what a pass holds.
    async fn free(&self, mut pass: Pass) -> Result<Circuit, GateError> {
        let held = pass.downcast_mut::<Held>();
        let Some((held, slot)) = held.and_then(|held| held.slot.clone().map(|slot| (held, slot)))
        else {
            let mut conn = self.db.acquire().await?;
            return Ok(store::crm::circuit(&mut conn).await?.circuit);
        };
        let circuit = self.give_back(&slot).await?;
        held.slot = None;
        Ok(circuit)
    }

    /// Takes note of a sign where it means something.
    async fn record(&self, seen: Circuit, sign: Sign) -> Result<(), GateError> {
        if seen.after(sign).is_none() {
            return Ok(());
        }
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
                // The breaker after the wait: what happened meanwhile counts.
                let (pass, seen) = self.slot(turn, until).await?;
                if judged {
                    self.judge(seen).await?;
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

    fn leave(&self, pass: Pass, sign: Option<Sign>) -> GateFuture<'_, ()> {
        Box::pin(async move {
            let noted = async {
                let seen = self.free(pass).await?;
                match sign {
                    Some(sign) => self.record(seen, sign).await,
                    None => Ok(()),
                }
            };
            if let Err(error) = noted.await {
                tracing::warn!(%error, "health of the CRM not noted");
            }
        })
    }
}
