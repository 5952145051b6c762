//! A run over the real broker: other services are consumers that answer.

use crate::callers::admin;
use crate::facts::{audit_completed, fetch_failed, fetched, transcribed};
use crate::world::World;
use serde_json::json;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use vigie_automation::events;
use vigie_bus::{Bus, ConsumerOptions, Consumers, Delivery, Failure, Sending, StatelessWorker};
use vigie_events::audit::AuditRun;
use vigie_events::automation::AutomationCompleted;
use vigie_events::fiche::{FetchFailure, FicheFetch};
use vigie_events::transcription::{FicheTranscribe, RunOutcome};

/// Every other service.
#[derive(Clone)]
struct Others {
    bus: Bus,
    ended: mpsc::UnboundedSender<AutomationCompleted>,
}

impl StatelessWorker<FicheFetch> for Others {
    async fn work(&self, delivery: &Delivery<FicheFetch>) -> Result<(), Failure> {
        let (request, fiche) = (delivery.id.to_string(), delivery.body.fiche_id.as_str());
        let kind = match fiche {
            "45" => FetchFailure::Upstream,
            "46" => FetchFailure::NotFound,
            _ => {
                let fact = fetched(request, fiche, 2);
                // A producer that sends its fact twice.
                self.bus.publish(&fact, Sending::First).await?;
                return Ok(self.bus.publish(&fact, Sending::Again(1)).await?);
            }
        };
        Ok(self
            .bus
            .publish(&fetch_failed(request, fiche, kind), Sending::First)
            .await?)
    }
}

impl StatelessWorker<FicheTranscribe> for Others {
    async fn work(&self, delivery: &Delivery<FicheTranscribe>) -> Result<(), Failure> {
        let fiche = delivery.body.fiche_id.as_str();
        let fact = transcribed(vec![delivery.id.to_string()], fiche, RunOutcome::Completed);
        Ok(self.bus.publish(&fact, Sending::First).await?)
    }
}

impl StatelessWorker<AuditRun> for Others {
    async fn work(&self, delivery: &Delivery<AuditRun>) -> Result<(), Failure> {
        let body = &delivery.body;
        let fact = audit_completed(
            delivery.id.as_str(),
            body.fiche_id.as_str(),
            body.audit_config_id,
        );
        Ok(self.bus.publish(&fact, Sending::First).await?)
    }
}

impl StatelessWorker<AutomationCompleted> for Others {
    async fn work(&self, delivery: &Delivery<AutomationCompleted>) -> Result<(), Failure> {
        Ok(self.ended.send(delivery.body.clone())?)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_ends_by_itself_over_the_bus() {
    let world = World::new().await;
    world.bus.ensure_topology().await.unwrap();
    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    let (ended, mut endings) = mpsc::unbounded_channel();
    let others = Others {
        bus: world.bus_of("others").await,
        ended,
    };
    let mut theirs = Consumers::new(others.bus.clone(), None, tasks.clone(), stop.clone());
    let named = |name| ConsumerOptions {
        name,
        ..ConsumerOptions::default()
    };
    theirs
        .stateless::<FicheFetch, _>(named("fetch"), others.clone())
        .await
        .unwrap();
    theirs
        .stateless::<FicheTranscribe, _>(named("transcribe"), others.clone())
        .await
        .unwrap();
    theirs
        .stateless::<AuditRun, _>(named("audit"), others.clone())
        .await
        .unwrap();
    theirs
        .stateless::<AutomationCompleted, _>(named("ended"), others.clone())
        .await
        .unwrap();
    let db = world.state.db.clone();
    let mut ours = Consumers::new(
        world.bus.clone(),
        Some(db.clone()),
        tasks.clone(),
        stop.clone(),
    );
    events::consume(&mut ours, &world.state).await.unwrap();
    tasks.spawn(db.relay(world.bus.clone(), stop.clone()));

    let schedule = world.schedule(&["44 45 46 47 48 49"], json!({})).await;
    let run = world.trigger(&schedule, false, &admin()).await.unwrap();
    let end = tokio::time::timeout(Duration::from_secs(60), endings.recv()).await;
    let end = end.unwrap().unwrap();
    assert_eq!((end.run_id, end.status.as_str()), (run, "partial"));
    assert_eq!(
        (end.successful_fiches, end.failed_fiches, end.ignored_fiches),
        (4, 1, 1)
    );
    let row = world.get(run).await.run.unwrap();
    assert_eq!(
        (row.phase.as_str(), row.transcriptions_run, row.audits_run),
        ("finished", 8, 4)
    );

    stop.cancel();
    tasks.close();
    tasks.wait().await;
}
