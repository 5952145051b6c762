//! Invariant 7, as far as the bus goes: a service reaches no other service's messages.

use crate::support::World;
use vigie_testkit::Schema;

#[tokio::test]
async fn the_outbox_and_inbox_of_a_schema_are_closed_to_other_roles() {
    let world = World::new().await;
    let other = world.database().pool(Schema::Fiche).await.unwrap();
    vigie_bus::migrate(&other).await.unwrap();
    for table in ["outbox", "inbox"] {
        let own = format!("SELECT count(*) FROM {table}");
        let foreign = format!("SELECT count(*) FROM audit.{table}");
        sqlx::query(sqlx::AssertSqlSafe(own))
            .execute(&other)
            .await
            .unwrap();
        let refused = sqlx::query(sqlx::AssertSqlSafe(foreign))
            .execute(&other)
            .await
            .unwrap_err();
        let code = refused
            .as_database_error()
            .and_then(sqlx::error::DatabaseError::code)
            .unwrap()
            .into_owned();
        assert_eq!(code, "42501", "insufficient privilege");
    }
}

#[tokio::test]
async fn migrations_run_again_change_nothing() {
    let world = World::new().await;
    let count = || async {
        sqlx::query_scalar::<_, i64>("SELECT count(*) FROM _bus_migrations")
            .fetch_one(&world.pool)
            .await
            .unwrap()
    };
    let before = count().await;
    vigie_bus::migrate(&world.pool).await.unwrap();
    assert_eq!(count().await, before);
}
