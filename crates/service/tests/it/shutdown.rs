//! What ends a service, and in which order it ends.

use crate::fake::launch;
use std::sync::{Arc, Mutex};
use vigie_service::{Boot, ServiceName};

#[tokio::test]
async fn work_ends_before_its_support_and_clients_last() {
    let order = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&order);
    let running = launch(ServiceName::Gateway, [], async |boot: Boot<()>| {
        let say = move |word: &'static str| {
            let told = Arc::clone(&told);
            move || told.lock().unwrap().push(word)
        };
        let (pool, bus) = (say("pool closed"), say("bus drained"));
        boot.on_close("pool", async move { pool() });
        boot.on_close("bus", async move { bus() });
        let relay = say("relay done");
        boot.spawn_support("relay", |stop| async move {
            stop.cancelled().await;
            relay();
            Ok(())
        });
        let (stop, consumer) = (boot.stop.clone(), say("consumer done"));
        boot.spawn("consumer", async move {
            stop.cancelled().await;
            tokio::task::yield_now().await;
            consumer();
            Ok(())
        });
        Ok(())
    })
    .await
    .unwrap();
    running.stop().await.unwrap();
    let order = order.lock().unwrap();
    assert_eq!(
        *order,
        ["consumer done", "relay done", "bus drained", "pool closed"]
    );
}

#[tokio::test]
async fn a_task_that_fails_or_panics_ends_the_service() {
    for panics in [false, true] {
        let running = launch(ServiceName::Gateway, [], async |boot: Boot<()>| {
            boot.spawn("relay", async move {
                assert!(!panics, "a task that panics");
                anyhow::bail!("no database")
            });
            Ok(())
        })
        .await
        .unwrap();
        let error = format!("{:#}", running.ended().await.unwrap_err());
        let expected = if panics {
            "task relay panicked"
        } else {
            "task relay failed: no database"
        };
        assert_eq!(error, expected);
    }
}

#[tokio::test]
async fn a_wiring_that_fails_stops_what_runs_and_says_why() {
    let outcome = launch(ServiceName::Gateway, [], async |_boot: Boot<()>| {
        anyhow::bail!("no schema")
    });
    let error = format!("{:#}", outcome.await.err().unwrap());
    assert_eq!(error, "the service did not start: no schema");
}

#[tokio::test]
async fn an_address_that_is_missing_ends_the_service() {
    let peers = [(ServiceName::Auth, "http://127.0.0.1:1".parse().unwrap())];
    let outcome = launch(ServiceName::Gateway, peers, async |boot: Boot<()>| {
        drop(boot.channel(ServiceName::Automation));
        Ok(())
    });
    let error = format!("{:#}", outcome.await.unwrap().ended().await.unwrap_err());
    assert_eq!(error, "automation answers no gRPC");
}
