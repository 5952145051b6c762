//! A database that is away for a while parks nothing.

use crate::support::{Act, Scripted, World, options, poke};
use sqlx::{AssertSqlSafe, Connection};
use vigie_bus::ConsumerOptions;
use vigie_testkit::{Postgres, wait};

#[tokio::test]
async fn messages_wait_for_their_database_without_losing_attempts() {
    let world = World::new().await;
    let replica = world.replica().await;
    let handler = Scripted::always(Act::Do);
    let handle = handler.clone();
    replica
        .consume(true, |mut it| async move {
            let options = ConsumerOptions {
                max_attempts: 1,
                ..options()
            };
            it.handler(options, handle).await
        })
        .await;
    let mut admin = Postgres::shared()
        .await
        .unwrap()
        .admin("postgres")
        .await
        .unwrap();
    let name = world.database().name().to_owned();
    let closed = format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false");
    let cut = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = $1";
    sqlx::raw_sql(AssertSqlSafe(closed))
        .execute(&mut admin)
        .await
        .unwrap();
    sqlx::query(cut)
        .bind(&name)
        .execute(&mut admin)
        .await
        .unwrap();

    world.inject(&poke(1), "poke-1").await;
    let stream = world
        .raw()
        .await
        .get_stream(world.stream("WORK"))
        .await
        .unwrap();
    wait::until("a second delivery", crate::support::LIMIT, || async {
        let info = stream.consumer_info("tester-poke-interactive").await?;
        Ok((info.delivered.consumer_sequence >= 1 && info.num_redelivered >= 1).then_some(()))
    })
    .await
    .unwrap();
    let open = format!("ALTER DATABASE {name} ALLOW_CONNECTIONS true");
    sqlx::raw_sql(AssertSqlSafe(open))
        .execute(&mut admin)
        .await
        .unwrap();
    admin.close().await.unwrap();

    world.until_effects("done", 1).await;
    assert_eq!(world.effects("parked").await, 0);
}
