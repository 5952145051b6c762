//! Deliveries on a real Postgres, to receivers that misbehave.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::SecretString;
use sqlx::PgPool;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use vigie_sealed::SealingKeys;
use vigie_testkit::{Postgres, Schema, TestDatabase, wait};
use vigie_webhooks::{
    Again, Logged, Lookup, Notice, Settings, Subscription, SystemLookup, Webhooks, signature,
};

use super::receiver::{Manner, Receiver};
use super::{Script, config};

const LIMIT: Duration = Duration::from_secs(30);
const SECRET: &str = "whsec_demo";
const EVENTS: [&str; 2] = ["progress", "complete"];

struct World {
    webhooks: Webhooks,
    pool: PgPool,
    stop: CancellationToken,
    workers: JoinSet<()>,
    _database: TestDatabase,
}

impl World {
    async fn start() -> Self {
        Self::with(11, 2, Arc::new(SystemLookup), true).await
    }

    async fn with(
        attempts: u32,
        workers: usize,
        lookup: Arc<dyn Lookup>,
        development: bool,
    ) -> Self {
        let database = Postgres::shared().await.unwrap();
        let database = database.database(&[Schema::Bus]).await.unwrap();
        let pool = database.pool(Schema::Bus).await.unwrap();
        vigie_webhooks::migrate(&pool).await.unwrap();
        let settings = Settings {
            guard: config(development, &[]),
            timeout: Duration::from_millis(700),
            max_attempts: attempts,
            keys: Arc::new(SealingKeys::parse(&STANDARD.encode([7; 32]).into()).unwrap()),
        };
        let mut world = Self {
            webhooks: Webhooks::with_lookup(settings, lookup).unwrap(),
            pool,
            stop: CancellationToken::new(),
            workers: JoinSet::new(),
            _database: database,
        };
        for _ in 0..workers {
            world.work();
        }
        world
    }

    /// One more replica.
    fn work(&mut self) {
        let webhooks = self.webhooks.clone();
        self.workers
            .spawn(webhooks.run(self.pool.clone(), self.pool.clone(), self.stop.clone()));
    }

    async fn subscribe(&self, job: &str, url: &str) {
        let mut conn = self.pool.acquire().await.unwrap();
        let subscription = Subscription {
            job_id: job,
            url,
            secrets: &[SecretString::from(SECRET)],
            events: &EVENTS,
        };
        self.webhooks
            .subscribe(&mut conn, &subscription)
            .await
            .unwrap();
    }

    async fn notify(&self, job: &str, event: &str, sequence: i32) {
        let mut tx = self.pool.begin().await.unwrap();
        let notice = Notice {
            job_id: job,
            event,
            sequence,
            body: &format!(r#"{{"event":"{event}","sequence":{sequence}}}"#),
        };
        self.webhooks.enqueue(&mut tx, &notice).await.unwrap();
        tx.commit().await.unwrap();
    }

    async fn log(&self, job: &str) -> Vec<Logged> {
        let mut conn = self.pool.acquire().await.unwrap();
        self.webhooks.log(&mut conn, job, 100, None).await.unwrap()
    }

    async fn until(&self, job: &str, what: impl Fn(&[Logged]) -> bool) -> Vec<Logged> {
        wait::until("deliveries", LIMIT, || async {
            let log = self.log(job).await;
            Ok(what(&log).then_some(log))
        })
        .await
        .unwrap()
    }

    async fn execute(&self, sql: &'static str) {
        sqlx::query(sql).execute(&self.pool).await.unwrap();
    }

    async fn stop(mut self) {
        self.stop.cancel();
        while let Some(ended) = self.workers.join_next().await {
            ended.unwrap();
        }
    }
}

fn all_sent(log: &[Logged]) -> bool {
    log.iter().all(|one| one.delivery.status == "sent")
}

fn attempted(times: usize) -> impl Fn(&[Logged]) -> bool {
    move |log| log.iter().all(|one| one.attempts.len() >= times)
}

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
    let world = World::with(1, 1, Arc::new(SystemLookup), true).await;
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
    let world = World::with(11, 1, script.clone(), false).await;
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
    let world = World::with(11, 3, Arc::new(SystemLookup), true).await;
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
    let mut world = World::with(11, 0, Arc::new(SystemLookup), true).await;
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

#[tokio::test]
async fn a_gone_destination_is_disabled_until_somebody_enables_it() {
    let world = World::start().await;
    let receiver = Receiver::start(&[Manner::Answer(410, "")]).await;
    world.subscribe("j", &receiver.url).await;
    world.notify("j", "progress", 1).await;
    let log = world.until("j", attempted(1)).await;
    assert_eq!(log[0].delivery.status, "failed");
    // The next one is not even tried, and says why.
    world.notify("j", "complete", 2).await;
    let log = world.until("j", |log| log.len() == 2).await;
    assert_eq!(log[0].delivery.status, "failed");
    let error = log[0].attempts[0].error.as_deref();
    assert_eq!(error, Some("destination is disabled"));
    assert_eq!(receiver.got().len(), 1);

    let mut conn = world.pool.acquire().await.unwrap();
    let failing = world.webhooks.failing(&mut conn, 10).await.unwrap();
    assert!(failing[0].disabled_at.is_some());
    let id = log[0].delivery.id.clone();
    let again = world.webhooks.redeliver(&mut conn, "j", &id).await.unwrap();
    assert_eq!(again, Again::Disabled);
    receiver.behave(Manner::Answer(200, ""));
    assert!(
        world
            .webhooks
            .enable(&mut conn, &receiver.url)
            .await
            .unwrap()
    );
    assert!(
        !world
            .webhooks
            .enable(&mut conn, &receiver.url)
            .await
            .unwrap()
    );
    let again = world.webhooks.redeliver(&mut conn, "j", &id).await.unwrap();
    assert_eq!(again, Again::Due);
    let log = world
        .until("j", |log| log[0].delivery.status == "sent")
        .await;
    assert_eq!(log[0].attempts.len(), 2);
    assert_eq!(receiver.got()[1].headers["x-webhook-attempt"], "2");
    assert_eq!(receiver.got()[1].headers["webhook-id"], id);
    let again = world.webhooks.redeliver(&mut conn, "k", &id).await.unwrap();
    assert_eq!(again, Again::Unknown);
    drop(conn);
    world.stop().await;
}

#[tokio::test]
async fn failing_for_days_disables_a_destination_and_what_waits_for_it() {
    let world = World::start().await;
    let receiver = Receiver::start(&[Manner::Answer(500, "")]).await;
    world.subscribe("j", &receiver.url).await;
    world.notify("j", "progress", 1).await;
    world.until("j", attempted(1)).await;
    world
        .execute("UPDATE webhook_destinations SET first_failed_at = now() - interval '121 hours'")
        .await;
    world.notify("j", "complete", 2).await;
    let log = world
        .until("j", |log| {
            log.iter().all(|one| one.delivery.status == "failed")
        })
        .await;
    assert_eq!(log.len(), 2);
    world.stop().await;
}

#[tokio::test]
async fn a_delivery_given_up_gets_one_more_attempt_by_hand() {
    let world = World::with(1, 1, Arc::new(SystemLookup), true).await;
    let receiver = Receiver::start(&[Manner::Answer(500, ""), Manner::Answer(200, "")]).await;
    world.subscribe("j", &receiver.url).await;
    world.notify("j", "complete", 1).await;
    let log = world.until("j", attempted(1)).await;
    assert_eq!(
        (
            log[0].delivery.status.as_str(),
            log[0].delivery.next_retry_at
        ),
        ("failed", None)
    );
    let mut conn = world.pool.acquire().await.unwrap();
    let id = &log[0].delivery.id;
    world.webhooks.redeliver(&mut conn, "j", id).await.unwrap();
    let log = world.until("j", all_sent).await;
    assert_eq!((log[0].delivery.attempt, log[0].attempts.len()), (2, 2));
    drop(conn);
    world.stop().await;
}
