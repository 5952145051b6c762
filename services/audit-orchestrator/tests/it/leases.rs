//! One worker at a time pays for a step.

use crate::world::World;
use std::time::Duration;
use vigie_audit_orchestrator::store::lease;

#[tokio::test]
async fn a_lease_is_its_holders_until_it_runs_out() {
    let world = World::new().await;
    let mut conn = world.db.acquire().await.unwrap();
    let mut take =
        async |position, holder| lease::take(&mut conn, 7, position, holder).await.unwrap();
    assert_eq!(take(1, "one").await, None);
    let left = take(1, "other").await.unwrap();
    assert!(left > Duration::from_secs(5) && left < Duration::from_secs(15));
    assert_eq!(take(1, "one").await, None, "renewed");
    assert_eq!(take(2, "other").await, None, "another step");

    // The holder died, and nobody renews it.
    world
        .execute("UPDATE audit_step_leases SET until = now() - interval '1 second'")
        .await;
    assert_eq!(take(1, "other").await, None);
    assert!(take(1, "one").await.is_some());
    drop(conn);

    world
        .execute("UPDATE audit_step_leases SET until = now() - interval '2 minutes' WHERE step_position = 2")
        .await;
    lease::forget(&mut world.db.acquire().await.unwrap())
        .await
        .unwrap();
    assert_eq!(
        world.count("SELECT count(*) FROM audit_step_leases").await,
        1
    );
}
