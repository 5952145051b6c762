//! Gauges of what all replicas share: each tells the same, so that dashboards take the highest.

use crate::app::AppState;
use crate::domain::circuit::CircuitState;
use crate::store;

/// Looks and tells.
pub async fn tell(state: &AppState) -> sqlx::Result<()> {
    let mut conn = state.db.acquire().await?;
    let seen = store::crm::circuit(&mut conn).await?;
    let open = match seen.circuit.state {
        CircuitState::Closed => 0.0,
        CircuitState::HalfOpen => 0.5,
        CircuitState::Open => 1.0,
    };
    let refused = seen.circuit.auth_status.map_or(0.0, |_| 1.0);
    let pause = seen.wait.unwrap_or(0.0).max(0.0);
    metrics::gauge!("upstream.circuit.open", "provider" => "crm").set(open);
    metrics::gauge!("upstream.circuit.token_refused", "provider" => "crm").set(refused);
    metrics::gauge!("upstream.circuit.pause", "provider" => "crm").set(pause);
    for turns in store::crm::turns(&mut conn).await? {
        let told = [("held", turns.held), ("all", turns.slots)];
        for (what, slots) in told {
            let kind = turns.kind.clone();
            metrics::gauge!("upstream.turns", "provider" => "crm", "kind" => kind, "what" => what)
                .set(f64::from(slots));
        }
    }
    let backlog = state.webhooks.backlog(&mut conn).await?;
    metrics::gauge!("webhooks.pending").set(count(backlog.pending));
    metrics::gauge!("webhooks.overdue").set(backlog.overdue_seconds);
    metrics::gauge!("webhooks.destinations.disabled").set(count(backlog.disabled));
    Ok(())
}

fn count(rows: i64) -> f64 {
    u32::try_from(rows).unwrap_or(u32::MAX).into()
}
