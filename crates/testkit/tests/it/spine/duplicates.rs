//! Every command once more: at once, and again when all is done.

use super::automation::run_to_its_end;
use super::{COMPLIANT, LIMIT, UNANNOUNCED, audit, check_complete, fiche_at, model_calls, options};
use anyhow::{Context, Result, ensure};
use async_nats::jetstream::{self, consumer, stream::Stream};
use async_nats::{Client, Message, Subscriber};
use futures::{StreamExt, TryStreamExt};
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};
use vigie_testkit::Schema;
use vigie_testkit::api::{ApiClient, text};
use vigie_testkit::stack::{Service, Simulator, Stack};
use vigie_testkit::wait;

const SENDING: &str = "Nats-Msg-Id";

/// Sends a command once more, as a sweeper would.
async fn send_again(broker: &Client, command: &Message, suffix: &str) -> Result<()> {
    let mut headers = command.headers.clone().context("a command has headers")?;
    let id = headers.get("ce-id").context("a command has an id")?;
    let sending = format!("{id}#{suffix}");
    headers.insert(SENDING, sending);
    let sent = jetstream::new(broker.clone())
        .publish_with_headers(command.subject.clone(), headers, command.payload.clone())
        .await?
        .await?;
    ensure!(!sent.duplicate, "it was not taken");
    Ok(())
}

/// Doubles each command at the moment it is sent; never ends.
async fn double(broker: &Client, work: &mut Subscriber, seen: &mut Vec<Message>) -> Result<()> {
    while let Some(command) = work.next().await {
        let headers = command.headers.as_ref();
        let sending = headers.and_then(|headers| headers.get(SENDING));
        if sending.is_some_and(|id| !id.as_str().ends_with("#twin")) {
            send_again(broker, &command, "twin").await?;
            seen.push(command);
        }
    }
    anyhow::bail!("the broker is gone")
}

async fn idle(stream: &Stream) -> Result<bool> {
    let mut consumers = stream.consumers();
    while let Some(info) = consumers.try_next().await? {
        let info: consumer::Info = info;
        if info.num_pending > 0 || info.num_ack_pending > 0 {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Waits until nothing is left to do: every consumer is done, and nothing waits to be sent.
async fn quiet(stack: &Stack, broker: &Client) -> Result<()> {
    let streams = jetstream::new(broker.clone());
    let (work, events) = (
        streams.get_stream("WORK").await?,
        streams.get_stream("EVENTS").await?,
    );
    let state = stack.state();
    let mut database = PgConnection::connect(&state.postgres_url).await?;
    let waiting = Schema::SERVICES.map(|schema| {
        format!(
            "SELECT id FROM {}.outbox WHERE not_before IS NULL OR not_before < now()",
            schema.name()
        )
    });
    let waiting = format!(
        "SELECT count(*) FROM ({}) AS o",
        waiting.join(" UNION ALL ")
    );
    tokio::time::timeout(LIMIT, async {
        // Twice in a row, as one may have made work for another meanwhile.
        let mut quiet = 0;
        while quiet < 2 {
            quiet = wait::until("the end of all work", LIMIT, async || {
                Ok((idle(&work).await? && idle(&events).await?).then_some(quiet + 1))
            })
            .await?;
            let left: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(waiting.as_str()))
                .fetch_one(&mut database)
                .await?;
            if left > 0 {
                quiet = 0;
            }
        }
        anyhow::Ok(())
    })
    .await
    .context("the work does not end")?
}

/// All there is to see, and what it cost.
async fn world(stack: &Stack, api: &ApiClient, run: &str) -> Result<Vec<Value>> {
    let audits = api.audits("limit=100").await?;
    let mut world = vec![api.run(run).await?];
    for audit in audits["data"].as_array().into_iter().flatten() {
        world.push(api.audit(&text(&audit["id"])).await?.0);
    }
    world.push(audits);
    for paid in [Simulator::Model, Simulator::Speech] {
        world.push(stack.calls(paid).await?["by_key"].clone());
    }
    Ok(world)
}

#[tokio::test]
async fn every_command_sent_again_changes_nothing() -> Result<()> {
    let stack = Stack::start(options().await?).await?;
    let api = stack.api().await?;
    let broker = async_nats::connect(&stack.state().nats_url).await?;
    let mut work = broker.subscribe("work.>").await?;
    broker.flush().await?;
    let (one, other) = tokio::try_join!(fiche_at(&api, COMPLIANT), fiche_at(&api, UNANNOUNCED))?;

    let mut commands = Vec::new();
    let doing = async {
        let detail = audit(&api, &one, |_| {}).await?;
        let (run, _) = run_to_its_end(&api, &[&other, "99999999"]).await?;
        anyhow::Ok((detail, run))
    };
    let (detail, run) = tokio::select! {
        done = doing => done?,
        broken = double(&broker, &mut work, &mut commands) => {
            broken?;
            anyhow::bail!("unreachable: it only ends in an error")
        }
    };
    quiet(&stack, &broker).await?;
    check_complete(&detail)?;
    assert_eq!(run["status"], "completed", "{run}");
    let run = text(&run["id"]);
    let audits = api.audits("limit=100").await?;
    assert_eq!(audits["pagination"]["total"], 2, "{audits}");
    // Three recordings, each heard once.
    assert_eq!(stack.calls(Simulator::Speech).await?["total"], 3);

    let before = world(&stack, &api, &run).await?;
    for command in &commands {
        send_again(&broker, command, "late").await?;
    }
    quiet(&stack, &broker).await?;
    let after = world(&stack, &api, &run).await?;
    for (before, after) in before.iter().zip(&after) {
        assert_eq!(before, after);
    }
    assert_eq!(before.len(), after.len());
    let kinds: std::collections::BTreeSet<_> = commands
        .iter()
        .map(|command| command.subject.as_str())
        .collect();
    assert!(kinds.len() >= 6, "{kinds:?}");
    stack.down().await
}

/// A command that comes again while its call is being made is not paid for again.
#[tokio::test]
async fn a_step_under_way_is_paid_for_once() -> Result<()> {
    let options = options().await?.with_replicas(Service::StepAnalyzer, 2);
    let stack = Stack::start(options).await?;
    let api = stack.api().await?;
    let broker = async_nats::connect(&stack.state().nats_url).await?;
    let mut work = broker.subscribe("work.audit.step.analyze.>").await?;
    broker.flush().await?;
    let fiche = fiche_at(&api, UNANNOUNCED).await?;
    let slow = json!({ "kind": "latency", "latency_ms": 1500 });
    stack.fault(Simulator::Model, &slow).await?;
    let mut commands = Vec::new();
    let detail = tokio::select! {
        detail = audit(&api, &fiche, |_| {}) => detail?,
        broken = double(&broker, &mut work, &mut commands) => {
            broken?;
            anyhow::bail!("unreachable: it only ends in an error")
        }
    };
    quiet(&stack, &broker).await?;
    let steps = check_complete(&detail)?;
    assert_eq!(commands.len() as u64, steps, "every command had a twin");
    assert_eq!(model_calls(&stack).await?.0, steps);
    stack.down().await
}
