use super::{PublishError, Publisher};
use std::sync::Arc;
use vigie_bus::{Delivery, Failure, StatelessWorker};
use vigie_events::auth::PrincipalChanged;

/// `auth/principal.changed`: Pusher closes the user's connections (W36). A subscription is checked
/// once, when it is made, so it must not outlive the rights that allowed it; who still has some
/// signs in again. Pusher knows users, not sessions: the end of one session closes those of the
/// others too. Closing twice closes nothing more.
pub struct EndConnections {
    /// Tells Pusher.
    pub publisher: Arc<Publisher>,
}

impl StatelessWorker<PrincipalChanged> for EndConnections {
    async fn work(&self, delivery: &Delivery<PrincipalChanged>) -> Result<(), Failure> {
        let user = delivery.body.user_id;
        let ended = self.publisher.end_connections(user).await;
        ended.map_err(failed)?;
        metrics::counter!("pusher_connections_ended_total").increment(1);
        tracing::info!(user.id = %user, reason = ?delivery.body.reason, "connections to Pusher ended");
        Ok(())
    }
}

fn failed(error: PublishError) -> Failure {
    tracing::warn!(%error, "connections to Pusher were not ended");
    if error.may_pass() {
        Failure::retry(error)
    } else {
        Failure::park(error)
    }
}
