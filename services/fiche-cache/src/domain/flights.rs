//! One fetch of a fiche at a time in this replica, for readers.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use tokio::sync::OwnedMutexGuard;
use vigie_events::ids::FicheId;

type Lock = tokio::sync::Mutex<()>;

/// Locks by fiche. Who waited looks at the cache again: the one before has filled it.
#[derive(Debug, Default)]
pub struct Flights(Mutex<HashMap<FicheId, Weak<Lock>>>);

impl Flights {
    /// Waits until nobody else fetches this fiche.
    pub async fn enter(&self, fiche: &FicheId) -> OwnedMutexGuard<()> {
        let lock = {
            let mut locks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            locks.retain(|_, lock| lock.strong_count() > 0);
            let known = locks.get(fiche).and_then(Weak::upgrade);
            known.unwrap_or_else(|| {
                let lock = Arc::new(Lock::default());
                locks.insert(fiche.clone(), Arc::downgrade(&lock));
                lock
            })
        };
        lock.lock_owned().await
    }
}

#[cfg(test)]
mod tests {
    use super::Flights;
    use futures::FutureExt;

    #[tokio::test]
    async fn one_at_a_time_for_each_fiche() {
        let flights = Flights::default();
        let (one, two) = ("1".parse().unwrap(), "2".parse().unwrap());
        let first = flights.enter(&one).await;
        assert!(flights.enter(&one).now_or_never().is_none());
        assert!(flights.enter(&two).now_or_never().is_some());
        drop(first);
        assert!(flights.enter(&one).now_or_never().is_some());
        assert!(flights.0.lock().unwrap().len() <= 2);
    }
}
