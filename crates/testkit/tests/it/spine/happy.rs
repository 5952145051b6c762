//! What works, works once, whoever does it.

use super::{COMPLIANT, audit, check_complete, check_gapless, fiche_at, model_calls, options};
use anyhow::Result;
use vigie_testkit::stack::{Service, Simulator, Stack};

#[tokio::test]
async fn an_audit_runs_from_the_call_to_the_scorecard() -> Result<()> {
    let stack = Stack::start(options().await?).await?;
    let api = stack.api().await?;
    let fiche = fiche_at(&api, COMPLIANT).await?;
    let mut events = Vec::new();
    let detail = audit(&api, &fiche, |frame| events.push(frame.clone())).await?;
    let steps = check_complete(&detail)?;

    assert_eq!(model_calls(&stack).await?.0, steps, "one model call a step");
    let card = detail.scorecard();
    assert!(
        card.steps
            .iter()
            .any(|step| step.points.iter().any(|point| !point.quotes.is_empty()))
    );
    check_gapless(&events, &detail)?;

    // Again: the calls are transcribed already.
    let spoken = stack.calls(Simulator::Speech).await?["total"].clone();
    check_complete(&audit(&api, &fiche, |_| {}).await?)?;
    assert_eq!(stack.calls(Simulator::Speech).await?["total"], spoken);
    stack.down().await
}

#[tokio::test]
async fn two_of_everything_do_the_work_once() -> Result<()> {
    let options = Service::ALL
        .into_iter()
        .fold(options().await?, |options, service| {
            options.with_replicas(service, 2)
        });
    let stack = Stack::start(options).await?;
    let api = stack.api().await?;
    let fiche = fiche_at(&api, COMPLIANT).await?;
    let steps = check_complete(&audit(&api, &fiche, |_| {}).await?)?;
    assert_eq!(model_calls(&stack).await?.0, steps);
    stack.down().await
}
