//! What replicas share: turns at the CRM, its breaker, and fetches of one fiche.

use crate::support::{App, everyone, fiche, plain, refresh};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use vigie_events::ops::{CircuitState, ProviderCircuit};
use vigie_fiche_cache::crm_gate::SharedGate;
use vigie_fiche_cache::domain::flights::Bell;
use vigie_service::{ErrorCode, WireError};
use vigie_simulators::faults::{Rule, kind};
use vigie_testkit::wait;
use vigie_upstream::crm::{
    CrmClient, CrmConfig, CrmError, CrmGate, FicheOptions, Refused, Sign, Turn,
};

/// A replica's gate, running.
async fn gate(app: &App, stop: &CancellationToken) -> Arc<SharedGate> {
    let gate = Arc::new(SharedGate::new(app.state.db.clone(), Bell::default(), 2, 1));
    gate.prepare().await.unwrap();
    let (running, pool, stop) = (Arc::clone(&gate), app.pool.clone(), stop.clone());
    TaskTracker::new().spawn(async move { running.run(pool, stop).await.unwrap() });
    gate
}

#[tokio::test]
async fn caps_hold_over_all_replicas_and_a_freed_turn_wakes_who_waits() {
    let (app, stop) = (App::start().await, CancellationToken::new());
    let (one, two) = (gate(&app, &stop).await, gate(&app, &stop).await);
    let first = one.enter(Turn::Sales, true, Duration::ZERO).await.unwrap();
    let refused = two.enter(Turn::Sales, true, Duration::ZERO).await;
    assert_eq!(refused.err(), Some(Refused::NoTurn));
    let second = two.enter(Turn::Sales, true, Duration::from_secs(30));
    let (second, ()) = tokio::join!(second, async {
        drop(first);
    });
    assert!(second.is_ok());
    let fiches = [&one, &two].map(|gate| gate.enter(Turn::Fiche, true, Duration::ZERO));
    let fiches = futures::future::join_all(fiches).await;
    assert!(fiches.iter().all(Result::is_ok));
    assert!(one.enter(Turn::Fiche, true, Duration::ZERO).await.is_err());
    // A dead replica's slots come free with their lease.
    app.execute("UPDATE crm_permits SET lease_until = now() WHERE kind = 'fiche'")
        .await;
    assert!(one.enter(Turn::Fiche, true, Duration::ZERO).await.is_ok());
    stop.cancel();
    app.stop().await;
}

#[tokio::test]
async fn the_breaker_opens_for_all_and_lets_one_probe_through() {
    let (app, stop) = (App::start().await, CancellationToken::new());
    let (one, two) = (gate(&app, &stop).await, gate(&app, &stop).await);
    for gate in [&one, &two, &one, &two, &one] {
        gate.leave(Box::new(()), Some(Sign::Failing)).await;
    }
    let refused = two.enter(Turn::Directory, true, Duration::ZERO).await.err();
    assert!(matches!(refused, Some(Refused::Failing(after)) if after > Duration::from_secs(10)));
    // A schedule's own token is not judged by it.
    assert!(
        two.enter(Turn::Directory, false, Duration::ZERO)
            .await
            .is_ok()
    );
    app.execute("UPDATE crm_circuit SET open_until = now()")
        .await;
    assert!(
        one.enter(Turn::Directory, true, Duration::ZERO)
            .await
            .is_ok()
    );
    assert!(
        two.enter(Turn::Directory, true, Duration::ZERO)
            .await
            .is_err()
    );
    one.leave(Box::new(()), Some(Sign::Healthy)).await;
    assert!(
        two.enter(Turn::Directory, true, Duration::ZERO)
            .await
            .is_ok()
    );
    let told = wait::until("the fact", crate::support::LIMIT, || async {
        let fact = app
            .bus
            .last_fact::<ProviderCircuit>(&["crm".to_owned()])
            .await?;
        Ok(fact
            .map(|fact| fact.body)
            .filter(|fact| fact.state == CircuitState::Closed))
    });
    assert_eq!(told.await.unwrap().cause, "recovered");
    stop.cancel();
    app.stop().await;
}

#[tokio::test]
async fn a_refused_token_of_one_replica_stops_the_others() {
    let (app, stop) = (App::start().await, CancellationToken::new());
    let fiche = fiche(0);
    let client = |gate: Arc<SharedGate>| {
        let crm = CrmClient::new(CrmConfig::new(&app.sims.crm_url)).unwrap();
        crm.behind(gate)
    };
    let one = client(gate(&app, &stop).await);
    let two = client(gate(&app, &stop).await);
    let refusal = Rule {
        status: Some(401),
        ..Rule::new(kind::STATUS)
    };
    app.fault(&fiche, refusal);
    for crm in [one, two] {
        let asked = crm.fiche(&fiche, FicheOptions::default()).await;
        assert!(matches!(asked, Err(CrmError::Auth { status: 401, .. })));
    }
    assert_eq!(app.asked(&fiche), 1);
    stop.cancel();
    app.stop().await;
}

#[tokio::test]
async fn readers_of_several_replicas_share_one_fetch() {
    let app = App::start().await;
    let fiche = fiche(0);
    let slow = Rule {
        latency_ms: Some(300),
        ..Rule::new(kind::LATENCY)
    };
    app.fault(&fiche, slow);
    // Each has locks of its own, as each process has.
    let replicas = [app.replica(), app.replica(), app.replica()];
    let caller = everyone();
    let reads = replicas
        .iter()
        .map(|state| app.get_at(state, &caller, refresh(&fiche)));
    for got in futures::future::join_all(reads).await {
        assert_eq!(
            got.unwrap().payload["information"]["fiche_id"],
            fiche.as_str()
        );
    }
    assert_eq!(app.asked(&fiche), 1);
    app.stop().await;
}

#[tokio::test]
async fn a_fetch_that_fails_fails_for_all_who_waited() {
    let app = App::start().await;
    let fiche = fiche(0);
    let down = Rule {
        status: Some(400),
        ..Rule::new(kind::STATUS)
    };
    app.fault(&fiche, down);
    let slow = Rule {
        latency_ms: Some(300),
        ..Rule::new(kind::LATENCY)
    };
    app.fault(&fiche, slow);
    let caller = everyone();
    let one = app.replica();
    let replicas = [one.clone(), one, app.replica(), app.replica()];
    let reads = replicas
        .iter()
        .map(|state| app.get_at(state, &caller, plain(&fiche)));
    let mut messages = Vec::new();
    for got in futures::future::join_all(reads).await {
        let error = WireError::from(&got.unwrap_err());
        assert_eq!(error.code, ErrorCode::ExternalApi);
        messages.push(error.message);
    }
    messages.dedup();
    assert_eq!(messages.len(), 1, "{messages:?}");
    assert_eq!(app.asked(&fiche), 1);
    // Who comes later asks anew.
    app.sims.crm.clear();
    app.get(&caller, plain(&fiche)).await.unwrap();
    assert_eq!(app.asked(&fiche), 2);
    app.stop().await;
}
