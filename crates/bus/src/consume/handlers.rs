use super::{Delivery, Failure};
use sqlx::PgConnection;
use std::future::Future;
use vigie_events::Event;

/// Handles one message inside the transaction that the bus opens, and commits with the inbox row.
pub trait Handler<E: Event>: Send + Sync + 'static {
    /// Whether the message is anything to this service, told from its body alone. What is not is
    /// acknowledged without a transaction: facts that answer somebody else are most of them.
    fn concerns(&self, _body: &E) -> bool {
        true
    }

    /// The effect. Outgoing messages go into the outbox of the same transaction; no outside calls.
    fn handle(
        &self,
        tx: &mut PgConnection,
        delivery: &Delivery<E>,
    ) -> impl Future<Output = Result<(), Failure>> + Send;

    /// The last word before the message goes to the dead letters, in that same transaction.
    fn parked(
        &self,
        _tx: &mut PgConnection,
        _delivery: &Delivery<E>,
        _reason: &str,
    ) -> impl Future<Output = Result<(), Failure>> + Send {
        async { Ok(()) }
    }
}

/// Handles messages that arrived together in one transaction. When it fails, each message is
/// handled again alone, in a batch of one, and its own outcome decides.
pub trait BatchHandler<E: Event>: Send + Sync + 'static {
    /// The effect of all of them; never called with none.
    fn handle(
        &self,
        tx: &mut PgConnection,
        deliveries: &[Delivery<E>],
    ) -> impl Future<Output = Result<(), Failure>> + Send;

    /// The last word before a message goes to the dead letters, in that same transaction.
    fn parked(
        &self,
        _tx: &mut PgConnection,
        _delivery: &Delivery<E>,
        _reason: &str,
    ) -> impl Future<Output = Result<(), Failure>> + Send {
        async { Ok(()) }
    }
}

/// Works outside of any transaction (calls to other systems), then stores the result in one.
pub trait Worker<E: Event>: Send + Sync + 'static {
    /// What the work gives.
    type Output: Send;

    /// As [`Handler::concerns`].
    fn concerns(&self, _body: &E) -> bool {
        true
    }

    /// The outside calls. May be repeated: it looks for its recorded result first.
    fn work(
        &self,
        delivery: &Delivery<E>,
    ) -> impl Future<Output = Result<Self::Output, Failure>> + Send;

    /// Stores the result, in the transaction of the inbox row. A second worker may be at the same
    /// message: the write carries its own precondition.
    fn store(
        &self,
        tx: &mut PgConnection,
        delivery: &Delivery<E>,
        output: Self::Output,
    ) -> impl Future<Output = Result<(), Failure>> + Send;

    /// The last word before the message goes to the dead letters, in that same transaction.
    fn parked(
        &self,
        _tx: &mut PgConnection,
        _delivery: &Delivery<E>,
        _reason: &str,
    ) -> impl Future<Output = Result<(), Failure>> + Send {
        async { Ok(()) }
    }
}

/// A worker of a service without a database: it finds out by itself whether the work was done.
pub trait StatelessWorker<E: Event>: Send + Sync + 'static {
    /// Does the work and awaits the acknowledgement of what it publishes.
    fn work(&self, delivery: &Delivery<E>) -> impl Future<Output = Result<(), Failure>> + Send;

    /// The last word before the message goes to the dead letters.
    fn parked(
        &self,
        _delivery: &Delivery<E>,
        _reason: &str,
    ) -> impl Future<Output = Result<(), Failure>> + Send {
        async { Ok(()) }
    }
}
