//! The consumers on a real broker.

use crate::world::{World, asked, fetched};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use vigie_bus::{Consumers, Sending};
use vigie_events::Message;
use vigie_events::fiche::FicheFetch;
use vigie_events::transcription::{FicheTranscribed, RunOutcome};
use vigie_testkit::wait::until;
use vigie_transcription::events;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_ends_in_a_fact_although_everything_comes_twice() {
    let world = World::new().await;
    world.recorded("44", &["a", "b", "c"]).await;
    world.bus.ensure_topology().await.unwrap();
    let stop = CancellationToken::new();
    let db = Some(world.state.db.clone());
    let mut consumers = Consumers::new(world.bus.clone(), db, world.tasks.clone(), stop.clone());
    events::consume(&mut consumers, &world.state, world.config.concurrency)
        .await
        .unwrap();
    let relay = world
        .state
        .db
        .clone()
        .relay(world.bus.clone(), stop.clone());
    world.tasks.spawn(relay);

    let twice = [Sending::First, Sending::Again(1)];
    for sending in twice {
        let command = asked("44", 1, false);
        world.bus.publish(&command, sending).await.unwrap();
    }
    let run = until("the run", Duration::from_secs(20), || async {
        let runs = world.count("SELECT count(*) FROM transcription_runs").await;
        Ok((runs == 1).then_some(()))
    });
    run.await.unwrap();
    let run = world.run_of("44").await;
    // The fiche cache is played by the test.
    let ask: Message<FicheFetch> =
        FicheFetch::for_transcription(run, "44".parse().unwrap(), vigie_events::Lane::Interactive);
    assert_eq!(ask.id.as_str(), format!("transcription-{run}-fetch"));
    for sending in [Sending::First, Sending::Again(1)] {
        let fact = fetched(run, "44").message();
        world.bus.publish(&fact, sending).await.unwrap();
    }
    let fact = until("fiche/transcribed", Duration::from_secs(30), || async {
        let entity = ["44".to_owned()];
        Ok(world.bus.last_fact::<FicheTranscribed>(&entity).await?)
    })
    .await
    .unwrap();
    assert_eq!(fact.body.status, RunOutcome::Completed);
    assert_eq!(fact.body.transcribed_count, 3);
    assert_eq!(world.requests(), 3);
    stop.cancel();
}
