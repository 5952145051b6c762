//! Deliveries on a real Postgres, to receivers that misbehave.

use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use vigie_testkit::wait;
use vigie_webhooks::{SystemLookup, signature};

use super::Script;
use super::receiver::{Manner, Receiver};
use super::world::{LIMIT, PATIENCE, SECRET, World, all_sent, attempted};

/// Until a receiver that hangs is given up.
const SHORT: Duration = Duration::from_millis(700);

#[tokio::test]
async fn a_delivery_is_signed_and_sent_once_by_many_workers() {
    let world = World::start().await;
    let receiver = Receiver::start(&[Manner::Answer(204, "")]).await;
    world.subscribe("j", &receiver.url).await;
    for sequence in 1..=20 {
        world.notify("j", "progress", sequence).await;
        // Told twice, as by a handler that ran again.
        world.notify("j", "progress", sequence).await;
    }
    world.notify("j", "unwanted", 21).await;
    let log = world.until("j", all_sent).await;
    assert_eq!(log.len(), 20);
    let got = receiver.got();
    assert_eq!(got.len(), 20);
    for one in &got {
        let header = |name: &str| one.headers[name].as_str();
        let (secret, body) = (SecretString::from(SECRET), one.body.as_bytes());
        let seconds = header("webhook-timestamp").parse().unwrap();
        assert_eq!(header("user-agent"), "Vigie-Webhook/1.0");
        assert_eq!(header("content-type"), "application/json");
        assert_eq!(
            (header("x-webhook-event"), header("x-webhook-job-id")),
            ("progress", "j")
        );
        assert_eq!(header("x-webhook-attempt"), "1");
        assert_eq!(header("webhook-id"), header("x-webhook-delivery-id"));
        assert_eq!(header("x-webhook-signature"), signature::v1(&secret, body));
        assert_eq!(
            header("x-webhook-signature-v2"),
            signature::v2(&secret, header("x-webhook-timestamp"), body)
        );
        assert_eq!(
            header("webhook-signature"),
            signature::standard(&[secret], header("webhook-id"), seconds, body)
        );
    }
    let clear: bool = sqlx::query_scalar(
        "SELECT bool_or(position('whsec'::bytea IN secrets) > 0) FROM webhook_subscriptions",
    )
    .fetch_one(&world.pool)
    .await
    .unwrap();
    assert!(!clear, "secrets are sealed");
    world.stop().await;
}

#[tokio::test]
async fn it_is_tried_again_under_the_same_id_with_the_same_bytes() {
    let world = World::start().await;
    let busy = Manner::Answer(503, "");
    let receiver = Receiver::start(&[busy, Manner::Reset, Manner::Answer(200, "")]).await;
    world.subscribe("j", &receiver.url).await;
    world.notify("j", "complete", 3).await;
    let log = world.until("j", all_sent).await;
    let attempts = &log[0].attempts;
    assert_eq!(attempts.len(), 3);
    assert_eq!(attempts[0].status_code, Some(503));
    assert_eq!(attempts[0].error.as_deref(), Some("HTTP 503"));
    assert_eq!(
        (attempts[1].status_code, attempts[1].error.is_some()),
        (None, true)
    );
    assert_eq!(
        (attempts[2].status_code, &attempts[2].error),
        (Some(200), &None)
    );
    let between = attempts[1].at - attempts[0].at;
    assert!(between.num_milliseconds() >= 1600, "{between}");
    let got = receiver.got();
    let numbers: Vec<_> = got
        .iter()
        .map(|one| &one.headers["x-webhook-attempt"])
        .collect();
    assert_eq!(numbers, ["1", "2", "3"]);
    assert!(got.iter().all(|one| one.body == got[0].body));
    assert!(
        got.iter()
            .all(|one| one.headers["webhook-id"] == log[0].delivery.id)
    );
    assert_ne!(
        got[0].headers["x-webhook-signature-v2"],
        got[1].headers["x-webhook-signature-v2"]
    );
    world.stop().await;
}

#[tokio::test]
async fn receivers_that_hang_or_redirect_fail_and_endless_ones_do_no_harm() {
    let world = World::with(1, 1, Arc::new(SystemLookup), true, SHORT).await;
    let hanging = Receiver::start(&[Manner::Hang]).await;
    let target = Receiver::start(&[Manner::Answer(200, "")]).await;
    let location = format!("location: {}\r\n", target.url).leak();
    let redirecting = Receiver::start(&[Manner::Answer(302, location)]).await;
    let endless = Receiver::start(&[Manner::Endless]).await;
    for (job, receiver) in [("h", &hanging), ("r", &redirecting), ("e", &endless)] {
        world.subscribe(job, &receiver.url).await;
        world.notify(job, "complete", 1).await;
    }
    let log = world.until("h", attempted(1)).await;
    assert_eq!(log[0].delivery.status, "failed");
    assert_eq!(log[0].attempts[0].error.as_deref(), Some("timeout"));
    assert!(log[0].attempts[0].latency_ms < Some(3000));
    let log = world.until("r", attempted(1)).await;
    assert_eq!(
        (log[0].delivery.status.as_str(), log[0].delivery.status_code),
        ("failed", Some(302))
    );
    assert_eq!(target.got().len(), 0);
    let log = world.until("e", attempted(1)).await;
    assert_eq!(log[0].delivery.status, "sent");
    let kept: i32 = sqlx::query_scalar(
        "SELECT length(response_body) FROM webhook_deliveries WHERE job_id = 'e'",
    )
    .fetch_one(&world.pool)
    .await
    .unwrap();
    assert_eq!(kept, 1000);
    world.stop().await;
}

#[tokio::test]
async fn a_name_that_turns_private_is_never_called() {
    let public: &[&str] = &["93.184.216.34"];
    let script = Script::of(&[public, &["10.0.0.1"]]);
    let world = World::with(11, 1, script.clone(), false, PATIENCE).await;
    let url = "https://rebind.example.com/hook";
    world.webhooks.check(url).await.unwrap();
    world.subscribe("j", url).await;
    world.notify("j", "complete", 1).await;
    let log = world.until("j", attempted(1)).await;
    assert_eq!(log[0].delivery.status, "failed");
    let error = log[0].attempts[0].error.as_deref();
    assert_eq!(error, Some("webhookUrl IP not allowed"));
    assert_eq!(script.asked().len(), 2);
    world.stop().await;
}

#[tokio::test]
async fn four_at_a_time_reach_a_destination_whoever_sends() {
    let world = World::with(11, 3, Arc::new(SystemLookup), true, PATIENCE).await;
    let receiver = Receiver::start(&[Manner::Held]).await;
    let other = Receiver::start(&[Manner::Answer(200, "")]).await;
    world.subscribe("j", &receiver.url).await;
    world.subscribe("k", &other.url).await;
    for sequence in 1..=12 {
        world.notify("j", "progress", sequence).await;
    }
    wait::until("four requests", LIMIT, || async {
        Ok((receiver.open() == 4).then_some(()))
    })
    .await
    .unwrap();
    // Nobody waits behind a slow one.
    world.notify("k", "complete", 1).await;
    world.until("k", all_sent).await;
    receiver.release(12);
    let log = world
        .until("j", |log| log.iter().all(|one| !one.attempts.is_empty()))
        .await;
    assert_eq!(log.len(), 12);
    assert!(receiver.most_open() <= 4, "{}", receiver.most_open());
    world.stop().await;
}

#[tokio::test]
async fn what_a_dead_worker_held_is_sent_when_its_lease_ends() {
    let mut world = World::with(11, 0, Arc::new(SystemLookup), true, PATIENCE).await;
    let receiver = Receiver::start(&[Manner::Answer(200, "")]).await;
    world.subscribe("j", &receiver.url).await;
    world.notify("j", "complete", 1).await;
    // As a killed replica leaves it.
    world
        .execute(
            "UPDATE webhook_deliveries
                SET lease = gen_random_uuid(), lease_until = now() - interval '1 second'",
        )
        .await;
    world.work();
    let log = world.until("j", all_sent).await;
    assert_eq!((log[0].attempts.len(), receiver.got().len()), (1, 1));
    world.stop().await;
}
