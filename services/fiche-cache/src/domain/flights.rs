//! One fetch of a fiche at a time, for readers: here, and with the lease in Postgres everywhere.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;
use tokio::sync::{OwnedMutexGuard, broadcast};
use vigie_events::ids::FicheId;

type Lock = tokio::sync::Mutex<()>;

/// Tells who waits for something that another replica holds that it may be free.
#[derive(Debug, Clone)]
pub struct Bell(broadcast::Sender<String>);

/// Somebody who waits.
#[derive(Debug)]
pub struct Listener(broadcast::Receiver<String>);

impl Default for Bell {
    fn default() -> Self {
        Self(broadcast::channel(ROOM).0)
    }
}

const ROOM: usize = 1_024;

impl Bell {
    /// Wakes who waits for this.
    pub fn ring(&self, what: &str) {
        // That nobody waits is no error.
        let _ = self.0.send(what.to_owned());
    }

    /// From now on nothing is missed.
    pub fn listen(&self) -> Listener {
        Listener(self.0.subscribe())
    }
}

impl Listener {
    /// Waits until it rings for this, or as long as given.
    pub async fn heard(&mut self, what: &str, within: Duration) {
        let ring = async {
            loop {
                match self.0.recv().await {
                    Ok(rung) if rung != what => {}
                    // It rang, perhaps unheard among many others.
                    Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => return,
                    Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
                }
            }
        };
        // Time is as good a reason to look again.
        let _ = tokio::time::timeout(within, ring).await;
    }
}

/// The turn of one reader, until it is dropped.
#[derive(Debug)]
pub struct Flight {
    _guard: OwnedMutexGuard<()>,
    /// Whether another had it first.
    pub waited: bool,
}

/// Locks by fiche. Who waited looks at the cache again: the one before has filled it.
#[derive(Debug, Default)]
pub struct Flights {
    here: Mutex<HashMap<FicheId, Weak<Lock>>>,
    bell: Bell,
}

impl Flights {
    /// What other replicas free rings here.
    pub const fn bell(&self) -> &Bell {
        &self.bell
    }

    /// Waits until nobody else fetches this fiche.
    pub async fn enter(&self, fiche: &FicheId) -> Flight {
        let lock = {
            let mut locks = self.here.lock().unwrap_or_else(PoisonError::into_inner);
            locks.retain(|_, lock| lock.strong_count() > 0);
            let known = locks.get(fiche).and_then(Weak::upgrade);
            known.unwrap_or_else(|| {
                let lock = Arc::new(Lock::default());
                locks.insert(fiche.clone(), Arc::downgrade(&lock));
                lock
            })
        };
        match Arc::clone(&lock).try_lock_owned() {
            Ok(guard) => Flight {
                _guard: guard,
                waited: false,
            },
            Err(_) => Flight {
                _guard: lock.lock_owned().await,
                waited: true,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Bell, Flights};
    use futures::FutureExt;
    use std::time::Duration;

    #[tokio::test]
    async fn one_at_a_time_for_each_fiche() {
        let flights = Flights::default();
        let (one, two) = ("1".parse().unwrap(), "2".parse().unwrap());
        let first = flights.enter(&one).await;
        assert!(flights.enter(&one).now_or_never().is_none());
        assert!(flights.enter(&two).now_or_never().is_some());
        assert!(!first.waited);
        let (second, ()) = tokio::join!(flights.enter(&one), async { drop(first) });
        assert!(second.waited);
        drop(second);
        assert!(flights.enter(&one).now_or_never().is_some());
        assert!(flights.here.lock().unwrap().len() <= 2);
    }

    #[tokio::test]
    async fn a_bell_wakes_who_waits_for_it() {
        let bell = Bell::default();
        let mut listener = bell.listen();
        bell.ring("other");
        bell.ring("one");
        listener.heard("one", Duration::from_hours(1)).await;
        listener.heard("one", Duration::ZERO).await;
    }
}
